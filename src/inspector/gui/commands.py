"""The one table of commands: it makes the menus, the shortcuts, the tooltips and the command palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from inspector.gui import icons


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can do, by menu, key or palette.

    Attributes
    ----------
    name
        Its name in the code.
    text
        What the menu says.
    menu
        ``"File"``, ``"View"``, ``"Model"`` or ``"Help"``.
    shortcuts
        Key sequences; the first one is shown.
    tip
        One sentence for the status bar and the palette.
    icon
        Name of one of our icons, or "".
    """

    name: str
    text: str
    menu: str
    shortcuts: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""


MENUS = ("File", "Model", "View", "Help")

COMMANDS: tuple[Command, ...] = (
    Command("open", "Open…", "File", ("Ctrl+O",), "Open checkpoints", "open"),
    Command("open_whole", "Open a folder…", "File", ("Ctrl+Shift+O",), "Open a checkpoint that is a folder", "folder"),
    Command("open_images", "Add images…", "File", ("Ctrl+I",), "Choose images to predict", "image"),
    Command("open_folder", "Add a folder of images…", "File", ("Ctrl+Shift+I",), "Predict a whole folder", "image"),
    Command("paste", "Paste a path", "File", ("Ctrl+V",), "Open the file or images in the clipboard", "copy"),
    Command("demo", "Open the demo", "File", (), "Handwritten digits, with a model trained on them", "demo"),
    Command("reload", "Reload", "File", ("Ctrl+R", "F5"), "Read the shown file again from disk", "reload"),
    Command("save_copy", "Save a clean copy…", "File", ("Ctrl+S",), "Write the model's weights as safetensors or .pth"),
    Command("save_report", "Save a report…", "File", ("Ctrl+Shift+R",), "Write all about the file as one page of HTML"),
    Command("save_arrays", "Save all tensors as .npz…", "File", (), "Write every tensor as an array of NumPy's"),
    Command("close", "Close file", "File", ("Ctrl+W",), "Close the shown file", "close"),
    Command("clear_recent", "Clear recent files", "File", (), "Forget the list of recent files", "clear"),
    Command("forget_trust", "Forget trusted files", "File", (), "Ask again before a file's own model runs", "clear"),
    Command("settings", "Settings…", "File", ("Ctrl+,",), "Choose the Python that predictions run on", "settings"),
    Command("quit", "Quit", "File", ("Ctrl+Q",), "Close Inspector"),
    Command("attach", "Attach", "Model", ("Ctrl+Return",), "Build the architecture with these weights", "attach"),
    Command("match_report", "Match report", "Model", ("Ctrl+M",), "Every key: what fits, what does not, and why"),
    Command(
        "compare_files",
        "Compare with another file…",
        "Model",
        ("Ctrl+D",),
        "Which tensors of two checkpoints differ, and by how much",
        "compare",
    ),
    Command("run_own", "Run the file's own model…", "Model", (), "Run its class as it is, after asking you"),
    Command("detach", "Detach", "Model", (), "Free what is attached"),
    Command("labels", "Choose class labels…", "Model", ("Ctrl+L",), "Names of the classes, from a text or JSON file"),
    Command("speed", "Speed and precision…", "Model", (), "Faster predictions, whose numbers differ a little"),
    Command("cancel", "Cancel", "Model", ("Esc",), "Stop what is running", "cancel"),
    Command(
        "predict_missing",
        "Predict what is missing",
        "Model",
        ("Ctrl+Shift+Return",),
        "Predict the images that failed or were cancelled",
        "predict",
    ),
    Command("clear_images", "Clear images", "Model", (), "Empty the strip of images", "clear"),
    Command("restart_engine", "Restart the engine", "Model", (), "Start a fresh torch process and attach again"),
    Command("find", "Find a tensor", "View", ("Ctrl+F",), "Search names, shapes and dtypes", "search"),
    Command("show_tensor", "Show the tensor", "View", ("Ctrl+1",), "The tensor that is selected in the tree", "tensor"),
    Command(
        "show_image", "Show the image", "View", ("Ctrl+2",), "The selected image, large, with its prediction", "image"
    ),
    Command("show_layer", "Show the layer", "View", ("Ctrl+3",), "What the selected layer sees in the image", "eye"),
    Command("show_results", "Show the results", "View", ("Ctrl+4",), "What is predicted for all images", "predict"),
    Command("show_model", "Show the model", "View", ("Ctrl+5",), "The whole model at a glance", "module"),
    Command(
        "show_comparison", "Show the comparison", "View", ("Ctrl+6",), "What differs between two checkpoints", "compare"
    ),
    Command("audit", "Audit the weights", "View", (), "What is broken, wasted or odd about the weights", "check"),
    Command("safety", "Safety report", "View", ("Ctrl+Shift+S",), "What the file names, and what that means", "safe"),
    Command("code", "Code in the file", "View", (), "Show the code that a program or an old file carries, as text"),
    Command("next_tab", "Next file", "View", ("Ctrl+Tab", "Ctrl+PgDown"), "Show the next open file"),
    Command("previous_tab", "Previous file", "View", ("Ctrl+Shift+Tab", "Ctrl+PgUp"), "Show the previous open file"),
    Command("theme_system", "Theme: as the system", "View", (), "Follow the system's light or dark theme"),
    Command("theme_light", "Theme: light", "View", (), "Always light"),
    Command("theme_dark", "Theme: dark", "View", (), "Always dark"),
    Command("reset_panels", "Reset the panels", "View", (), "Put every panel back where it was"),
    Command("palette", "Commands", "Help", ("Ctrl+K", "Ctrl+Shift+P"), "Find any command by name", "search"),
    Command("about", "About Inspector", "Help", ("F1",), "Version and licences"),
)


def make_actions(window: QMainWindow, handlers: dict[str, Callable[[], object]]) -> dict[str, QAction]:
    """Make a QAction of every command, on the window, so that its shortcuts work everywhere in it.

    Raises
    ------
    KeyError
        A command has no handler.
    """
    actions: dict[str, QAction] = {}
    for command in COMMANDS:
        action = QAction(command.text, window)
        action.setShortcuts([QKeySequence(keys) for keys in command.shortcuts])
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        keys = f" ({command.shortcuts[0]})" if command.shortcuts else ""
        action.setToolTip(f"{command.tip or command.text}{keys}")
        action.setStatusTip(command.tip)
        handler = handlers[command.name]
        action.triggered.connect(lambda _checked=False, call=handler: call())
        window.addAction(action)
        actions[command.name] = action
    return actions


def refresh_icons(actions: dict[str, QAction]) -> None:
    """Draw the commands' icons again, after the theme changed."""
    for command in COMMANDS:
        if command.icon:
            actions[command.name].setIcon(icons.icon(command.icon))


def fill_menu(menu: QMenu, actions: dict[str, QAction], extra: Callable[[str, QMenu], Iterable[QAction]]) -> None:
    """Fill a menu with a submenu per group of commands; ``extra`` adds what is no command to a group."""
    for group in MENUS:
        submenu = menu.addMenu(group)
        for command in COMMANDS:
            if command.menu == group:
                submenu.addAction(actions[command.name])
        added = list(extra(group, submenu))
        if added:
            submenu.addSeparator()
            submenu.addActions(added)
