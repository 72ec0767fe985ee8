"""The machine's clock is stepped under the running service.

By a small library that is preloaded into the gateway's processes (``stepped_clock.c``): it changes what they are told
of the time of day, and leaves the monotonic clock alone, as a real step does. libfaketime does not serve: it steps the
monotonic clock too, or breaks ``time.sleep``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from endurance import seen
from endurance.api_traffic import chat
from endurance.chaos.crowd import Crowd, tally
from endurance.chaos.place import FEW, Place, place, told_of
from endurance.chaos.scenario import NotPossible, Stage, scenario
from endurance.clients import Clients, Member
from endurance.house import PASSWORD
from endurance.seen import Seen
from tests.accounts.test_two_workers import Browser

SOURCE = Path(__file__).with_name("stepped_clock.c")
SETTLES_S = 2.0
STEPS = "an hour forwards, over midnight, a day and an hour back"


class Clock:
    """The gateway's time of day: the machine's, and some seconds that stand in a file."""

    def __init__(self, folder: Path) -> None:
        """Begin at noon of today.

        Raises:
            NotPossible: there is no C compiler.
        """
        if shutil.which("cc") is None:
            raise NotPossible("there is no C compiler: apt-get install gcc libc6-dev")
        library = folder / "stepped_clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, SOURCE], check=True)
        self._file = folder / "ahead"
        self._file.write_bytes(bytes(8))
        self.set(datetime.now(UTC).replace(hour=12, minute=0, second=0))
        self.env = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._file)}

    def set(self, moment: datetime) -> None:
        """Step to a moment; from there it goes on."""
        ahead_s = round((moment - datetime.now(UTC)).total_seconds())
        with self._file.open("r+b", buffering=0) as file:
            file.write(ahead_s.to_bytes(8, sys.byteorder, signed=True))


@scenario(
    "clock",
    "The clock is stepped",
    done=f"Two workers under load, a plan of {FEW} prompts a day. The clock of the service is stepped: {STEPS}.",
    expects={
        "hour": "An hour forwards: what was used stays used",
        "midnight": "Over midnight: the new day begins with nothing used",
        "back": "A day and an hour back: the day that was used up in part is not opened again, nor the new one",
        "limit": f"In the end exactly {FEW} prompts of the new day were admitted",
        "signed-in": "Who was signed in stays signed in, and the token stays right",
        "workers": "No worker is taken for dead: their leases go by what they see move, not by the time of day",
        "streams": "No stream is cut and nobody is refused",
        "books": "The books balance",
    },
)
def clock_stepped(stage: Stage) -> None:
    """Steps of the wall clock."""
    clock = Clock(stage.processes.new_folder("clock"))
    with place(stage.processes, workers=2, env=clock.env) as here:
        few = _Asker(here, here.member("few@example.org", "few"))
        done = here.gateway.flask("accounts", "create", "person@example.org", "--password", PASSWORD)
        assert done.returncode == 0, done.stderr
        person = Browser(here.gateway)
        assert person.send("/sign-in", email="person@example.org", password=PASSWORD).status_code == 303
        noon = datetime.now(UTC).replace(hour=12, minute=0, second=0)
        midnight = noon.replace(hour=0) + timedelta(days=1)
        signed_in = []
        with Crowd(here.gateway.port, here.members, stream_events=300) as crowd:
            time.sleep(1)
            asked = [few.ask() for _ in range(4)]
            clock.set(noon + timedelta(hours=1))
            time.sleep(SETTLES_S)
            asked.append(few.ask())
            stage.check("hour", few.used() == 5, f"{few.used()} of 5 asked are used")
            signed_in.append(person.is_signed_in())
            clock.set(midnight)
            time.sleep(SETTLES_S)
            fresh = few.used()
            asked += [few.ask() for _ in range(3)]
            stage.check("midnight", (fresh, few.used()) == (0, 3), f"{fresh} used, then {few.used()} of 3")
            signed_in.append(person.is_signed_in())
            clock.set(noon - timedelta(hours=1))
            time.sleep(SETTLES_S)
            kept = few.used()
            asked.append(few.ask())
            stage.check("back", (kept, few.used()) == (3, 4), f"{kept} used, with one more {few.used()}")
            signed_in.append(person.is_signed_in())
            rest = [few.ask() for _ in range(FEW)]
            admitted = 3 + 1 + rest.count(200)
            stage.check("limit", admitted == FEW and rest.count(429) == 4, f"{admitted} admitted, then 429")
            time.sleep(12)  # more than a lease's renewal
        notes = crowd.notes
        good = all(signed_in) and asked == [200] * len(asked)
        stage.check("signed-in", good, f"signed in after the steps: {signed_in}; {len(asked)} answers 200")
        gone = here.gateway.stderr_text().count("is gone")
        stage.check("workers", gone == 0, f"{gone} taken for dead")
        failed = [each for each in notes.seen if each.how != seen.COMPLETE]
        stage.check("streams", len(notes.seen) > 200 and not failed, tally(notes.seen), [str(each) for each in failed])
        stage.check("books", *told_of(here.books([*notes.seen, *few.notes], limits={few.email: FEW})))


class _Asker:
    """Asks for the account whose prompts are few."""

    def __init__(self, here: Place, member: Member) -> None:
        self.notes: list[Seen] = []
        self.email = member.email
        self._member = member
        self._clients = Clients(here.gateway.port, self.notes.append, run="few")

    def ask(self) -> int:
        """Send a prompt; return the status."""
        expected = (seen.COMPLETE, "refused:insufficient_quota")
        return chat(self._clients, self._member, "few", "[[tokens 3]] hello", expected=expected).seen.status

    def used(self) -> int:
        """Return how many prompts of the day are used."""
        return int(self._clients.ask("usage", "GET", "/v1/usage", member=self._member).told[0]["day"]["used"])
