"""Kafka: publishing, consuming, topics and their administration. Every wait is bounded."""
