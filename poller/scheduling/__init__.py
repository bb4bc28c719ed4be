"""The scheduler and its mathematics. Pure: no Kafka, HTTP or Qiskit."""
