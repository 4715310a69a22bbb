"""Speed: searches against raw FAISS, a server and its clients, the stages of an ingest against the whole.

Timings are interleaved in one run, and the best of several counts, because machines are shared; quote the ratios.
"""
