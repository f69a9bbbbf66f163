"""Reports the end of every UCloud UPhone job: one event line a completion, and gauges for Prometheus."""

__version__ = "0.1.0"
