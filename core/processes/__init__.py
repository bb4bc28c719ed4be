"""Fork servers, their clients, and processes that end with their parent. Standard library only."""
