"""The line under faults on a real Kafka: what `make chaos` runs, and a short slice of it the tests.

run        the program; arguments, the report
monkey     what is done to the line, by a plan that the seed decides
workers    processes of foretell, each with a state folder and so an identity of its own
cluster    the broker, with a listener behind a proxy for each worker
load       events that go on coming
digest     an independent reader that holds two applications' outputs against each other
"""
