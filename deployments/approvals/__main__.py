"""Run the approvals service: ``python -m deployments.approvals``."""

import sys

from deployments.approvals.service import main

if __name__ == "__main__":
    sys.exit(main())
