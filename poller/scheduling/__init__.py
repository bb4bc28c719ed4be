"""The scheduler and its mathematics. Pure: no Kafka, HTTP or Qiskit, and time is passed in."""
