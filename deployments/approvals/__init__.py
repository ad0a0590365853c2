"""Turn what people press in Slack into recorded answers, and wake the run that waits for them.

``python -m deployments.approvals --environment rehearsal --port-file FILE`` serves one or several environments. A
click comes in by a door (``http_door`` or ``socket_door``), is kept where a restart finds it (``inbox``), acknowledged,
and then decided about at its environment's desk (``desk``). What counts, and what that does, is the same for the
command line (``answering``). ``caretaker`` finishes what an earlier process of this service left half done.
"""
