"""The model: a request built from turns, the stream as typed events, what can go wrong and what is said then.

answer      one answer: asked, read, tried again;  assembly  its raw events put together;  events  what it is made of
faults      what can go wrong, and the sentence for it
documents   what somebody's file is, by its bytes;  images, packages  two kinds of them;  office, office_reader  parsed in
            a process of its own
models      which there are;  prices (prices.json)  what they cost
"""
