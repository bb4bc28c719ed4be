"""IBM Quantum's REST API, served by Aer.

The unmodified `qiskit-ibm-runtime` client works with it as with IBM Quantum: there are simulators, and
devices with queues. One asyncio process serves HTTP (`app`, `service`). Circuits run in worker processes
(`pool`, `worker_processes`, `fork_server`, `worker`), which alone import Qiskit and Aer.
"""
