"""The house's plan in plain text, read from its imports and calls: rooms, floors, circles, and the way a value takes.

python tests/house.py [PACKAGE [MODULE:FUNCTION:PARAMETER ...]]
"""

from __future__ import annotations

import ast
import sys
import textwrap
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "headwater"
FACES = {"__init__", "__main__"}  # they only hand names on


def name_of(path, package=PACKAGE):
    """A file's name inside the package: spectrum.moments; a room's face bears the room's name."""
    return ".".join(path.relative_to(package).with_suffix("").parts).removesuffix(".__init__")


def room_of(name):
    return name.split(".")[0]


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """Every module or name a file imports, for the type checker and inside functions included."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def plan(package=PACKAGE):
    """Which of the package's own files each file imports, all by name."""
    paths = {name_of(path, package): path for path in sorted(package.rglob("*.py"))}
    found = {}
    for name, path in paths.items():
        used = {
            other.removeprefix(f"{package.name}.") for other in imports(path) if other.startswith(f"{package.name}.")
        }
        found[name] = {home(other, paths) for other in used} - {name}
    return found


def home(name, names):
    """The file that holds a dotted name: a name inside a module, or a module inside a room."""
    while name and name not in names:
        name = name.rpartition(".")[0]
    return name or "__init__"


def between_rooms(files):
    """The same between rooms, the package's faces left out."""
    rooms = {}
    for name, used in files.items():
        if name not in FACES:
            rooms.setdefault(room_of(name), set()).update(map(room_of, used - FACES))
    return {room: used - {room} for room, used in rooms.items()}


def circles(graph):
    """Sets of names that reach each other."""
    reach = {name: set(used) for name, used in graph.items()}
    for middle in graph:
        for name in graph:
            if middle in reach[name]:
                reach[name] |= reach[middle]
    return {frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]}


def floors(graph):
    """How high each room stands: one above all that it imports, those of its own circle aside."""
    tied = {name: circle for circle in circles(graph) for name in circle}

    @cache
    def height(name):
        group = tied.get(name, {name})
        below = {used for member in group for used in graph[member]} - set(group)
        return 1 + max(map(height, below), default=0)

    return {name: height(name) for name in graph}


def draw(package=PACKAGE):
    files = plan(package)
    rooms = between_rooms(files)
    height = floors(rooms)
    inside = {name: used - FACES for name, used in files.items() if name not in FACES}
    for level in sorted(set(height.values()), reverse=True):
        print(f"floor {level}")
        for room in sorted(name for name in rooms if height[name] == level):
            count = sum(room_of(name) == room for name in inside)
            print(f"  {room:<11} {count:3} files   imports {', '.join(sorted(rooms[room])) or 'no other room'}")
    arrows = sum(map(len, rooms.values()))
    print(f"{len(rooms)} rooms, {max(height.values())} floors, {arrows} arrows between rooms")
    tied = sorted(", ".join(sorted(circle)) for circle in circles(inside))
    print(f"{len(tied)} circles among files" + "".join(f"\n  {circle}" for circle in tied))


class Walk:
    """The calls that pass one parameter on, by what the text says: names assigned from it stand for it.

    A method is known by its class where that is named, else by its name where only one class has it.
    """

    def __init__(self, package):
        paths = {name_of(path, package): path for path in package.rglob("*.py")}
        self.known, self.methods, self.steps, self.seen = {name: {} for name in paths}, {}, [], set()
        self.foreign = {name: modules(path) for name, path in paths.items()}
        for name, path in paths.items():
            for node in parsed(path).body:
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    self.known[name][node.name] = (name, node)
                for method in functions(node) if isinstance(node, ast.ClassDef) else ():
                    self.methods.setdefault(method.name, []).append((name, method))
        for name, path in paths.items():
            for node in ast.walk(parsed(path)):
                for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                    origin = self.known[home(f"{node.module}.{alias.name}".removeprefix(f"{package.name}."), paths)]
                    if alias.name in origin:
                        self.known[name].setdefault(alias.asname or alias.name, origin[alias.name])

    def follow(self, module, function, given):
        """Visit a function some of whose parameters stand for the value."""
        held = set(given)
        for _ in range(3):  # what is assigned from it, from that, and so on
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and mentions(node.value, held):
                    held |= {part.id for name in node.targets for part in ast.walk(name) if isinstance(part, ast.Name)}
                elif isinstance(node, (ast.For, ast.comprehension)) and mentions(node.iter, held):
                    held |= {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
        for call in calls(function):
            place, callee, bound = self.callee(module, call)
            taken = passed(call, callee, bound, held) if callee else set()
            key = (place, getattr(callee, "lineno", 0), frozenset(taken))
            if taken and key not in self.seen:
                self.seen.add(key)
                if place != module:
                    self.steps.append((module, place))
                self.follow(place, callee, taken)

    def callee(self, module, call):
        """The function called and where it stands, and whether it takes itself first."""
        function = call.func
        if isinstance(function, ast.Name) and function.id in self.known[module]:
            place, node = self.known[module][function.id]
            return (place, node, False) if isinstance(node, ast.FunctionDef) else self.method(place, node, "__init__")
        if isinstance(function, ast.Attribute):
            named = function.value.func if isinstance(function.value, ast.Call) else function.value
            place, node = self.known[module].get(getattr(named, "id", None), (None, None))
            if isinstance(node, ast.ClassDef):
                return self.method(place, node, function.attr)
            foreign = getattr(named, "id", "") in self.foreign[module]
            found = [] if foreign else self.methods.get(function.attr, [])
            return (*found[0], True) if len(found) == 1 else (None, None, False)
        return None, None, False

    def method(self, place, node, name):
        """A class's method, its own or the first base's that has it."""
        own = [method for method in functions(node) if method.name == name]
        bases = [self.known[place][base.id] for base in node.bases if getattr(base, "id", "") in self.known[place]]
        return (place, own[0], True) if own else next((self.method(*base, name) for base in bases), (None, None, False))


def modules(path):
    """The names under which a file imports modules whole: np, pc."""
    nodes = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Import)]
    return {alias.asname or alias.name for node in nodes for alias in node.names}


def functions(node):
    return [part for part in node.body if isinstance(part, ast.FunctionDef)]


def passed(call, callee, bound, held):
    """The parameters of the function called that take what is held."""
    names = [parameter.arg for parameter in (*callee.args.posonlyargs, *callee.args.args)]
    taken = {word.arg for word in call.keywords if word.arg and mentions(word.value, held)}
    for place, value in enumerate(call.args, start=bound):
        if mentions(value, held):
            taken |= set(names[place:] if isinstance(value, ast.Starred) else names[place : place + 1])
    if bound and isinstance(call.func, ast.Attribute) and mentions(call.func.value, held):
        taken.add(names[0])
    return taken


def mentions(node, names):
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def calls(node):
    """Calls in the order in which they are made."""
    for child in ast.iter_child_nodes(node):
        yield from calls(child)
    if isinstance(node, ast.Call):
        yield node


def walk(start, package=PACKAGE):
    module, function, parameter = start.split(":")
    trip = Walk(package)
    trip.follow(module, trip.known[module][function][1], {parameter})
    print(f"the way of {parameter} from {module}.{function}, files as it first enters them")
    entered = list(dict.fromkeys([module, *(place for _, place in trip.steps)]))
    print(textwrap.fill(" > ".join(entered), 110, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False))
    passages = sum(room_of(one) != room_of(other) for one, other in trip.steps)
    rooms = len(set(map(room_of, entered)))
    counted = f"{len(trip.steps)} calls from file to file, {passages} from room to room"
    print(f"  {len(entered)} files in {rooms} rooms; {counted}")


if __name__ == "__main__":
    package = Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE
    draw(package)
    for start in sys.argv[2:]:
        print()
        walk(start, package)
