"""What the window shows, without a widget in sight: Qt models, states and the one bridge between threads and Qt.

View models import services, domain, QtCore and QtGui; never QtWidgets, so each can be tried without a window.
"""
