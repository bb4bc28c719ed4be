"""The action server of an image: /init, /run, loading code, concurrency, forks. It imports no Qiskit."""
