package e2e

import (
	"strings"
)

// minuteFolder is the name of a folder in the outbox: the minute in which its uploads were finished.
const minuteFolder = "2006-01-02T1504"

// owe notes that an upload was called finished, so that it must be announced: once more, if it had been before it lost its seal.
func (f *faults) owe(a answer, address string) {
	f.t.Helper()
	if f.kind == "POST" {
		address = a.header.Get("Location")
	}
	switch {
	case f.sent != faultSize || f.kind == "DELETE":
	case f.unsealed:
		f.owed[idOf(address)] = 2
	default:
		f.owed[idOf(address)] = 1
	}
}

// wantAnnounced wants all events to arrive that are owed. Those that the relay could not read come after an operator has let
// them wait again. And it wants no event of anything but an upload whose bytes are there, or that was removed.
func (f *faults) wantAnnounced() {
	f.t.Helper()
	if f.unread {
		f.retryDead()
	}
	for id, times := range f.owed {
		await(f.ctx, f.t, "upload "+id+" is announced", func() bool { return f.server.events()[id] >= times })
	}
	await(f.ctx, f.t, "no event waits", func() bool { return len(waitingEvents(f.t, f.data)) == 0 })
	wantNoneDead(f.t, f.data)
	if f.kind == "DELETE" {
		return
	}
	for line := range strings.Lines(f.server.out.String()) {
		e, ok := parseEvent(line)
		// The data may have been set aside, when an upload was finished once more after it had lost its seal.
		size := max(dataSize(f.server.uploads(), e.Subject), dataSize(f.server.uploads(), e.Subject+".damaged"))
		if ok && e.Data.Size == faultSize && size != faultSize {
			f.t.Errorf("upload %s was announced, and has %d bytes", e.Subject, size)
		}
	}
}

// retryDead lets dead events wait again, as an operator does.
func (f *faults) retryDead() {
	f.t.Helper()
	if text, err := f.server.operate(f.ctx, nil, "outbox", "retry", "--all", "--data-dir", f.data); err != nil {
		f.t.Errorf("plateau outbox retry: %v\n%s", err, text)
	}
}

// wantNothingAnnounced wants no event to wait of an upload that isn't there: it would be an event without bytes.
func (f *faults) wantNothingAnnounced(what string) {
	f.t.Helper()
	for id := range waitingEvents(f.t, f.data) {
		if dataSize(f.server.uploads(), id) < 0 {
			f.t.Errorf("%s: the upload %s was removed, but its event waits", what, id)
		}
	}
}

// wantSaid wants the server to have said what is wrong, in what it has logged since.
func (f *faults) wantSaid(what, errno string, since int) {
	f.t.Helper()
	// The line of a request comes after its answer.
	await(f.ctx, f.t, what+": the log says so", func() bool { return hasSaid(f.server, since, errno) })
}

// endsFinishes says whether no upload can be finished any more after a call has failed: an fsync of a folder, of which the next
// would report success over what was lost. A full disk loses nothing that the outbox has written.
func endsFinishes(c call, errno string) bool {
	outbox := c.on == "MINUTE" || c.on == "pending"
	return isSync(c) && (c.on == "uploads" || outbox && errno == "EIO")
}
