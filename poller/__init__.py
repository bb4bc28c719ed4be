"""BackEnd 2: takes job events, looks at the jobs, delivers each result to the client that asked."""
