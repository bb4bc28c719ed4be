"""An Aer-backed service that speaks IBM Quantum's REST API.

The unmodified ``qiskit-ibm-runtime`` client takes it for IBM Quantum: it offers simulators, and devices with
queues. One asyncio process answers HTTP (`app`, `service`); circuits run in worker processes (`pool`,
`fork_server`, `worker`), the only ones that load Qiskit and Aer.
"""
