"""What the bundled program starts: the command line, which opens the window when no command is given."""

import sys

from desktop_app.cli import main

if __name__ == "__main__":
    sys.exit(main())
