"""The network lab: a sealed world of namespaces in which the real programs meet real hosts."""
