"""The action server inside an image: /init, /run, loading code, concurrency. No Qiskit."""
