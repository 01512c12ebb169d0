"""Other processes that read pages and render buckets while a large inventory is crawled for the first time.

Python runs one thread at a time, and reading a hundred thousand records takes seconds: done here, in the
process that answers scrapes, it would hold them up, and it would leave the other processors idle. `job` says
what is asked for and answered, `hand` owns one process, `crowd` divides the work. Invariant: whatever becomes
of the processes, the result is the same; what they cannot do is done where it was asked for.
Nothing is imported here: a process would begin with asyncio and logging, which it never needs.
"""
