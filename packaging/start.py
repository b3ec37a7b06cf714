"""What the bundled program starts: the command line, which opens the window when no command is given."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["--indicium-probe"]:  # the trial run of a device, in a process of its own
        from desktop_app.inference.probe import probe_main

        sys.exit(probe_main(sys.argv[2:]))
    from desktop_app.cli import main

    sys.exit(main())
