package client

import (
	"fmt"
	"io"
	"time"
)

const (
	lineStep  = 10 // percent after which a line is due
	lineEvery = 10 * time.Second
	lineLeast = time.Second // between two lines that only say how far it is
)

// lines shows uploads as lines of text, for logs.
type lines struct {
	w     io.Writer
	now   func() time.Time
	meter meter
	begun time.Time
	said  time.Time // when the last line was written
	at    int64     // percent in it
	found bool      // nothing had to be sent
}

func (l *lines) watch(e Event) {
	now := l.now()
	switch e.Kind {
	case Started:
		*l = lines{w: l.w, now: l.now, begun: now}
	case Created:
		l.meter.reset(now, 0)
		l.say(e, now, "uploading %s", sizeText(e.Size))
	case Resumed:
		l.meter.reset(now, e.Offset)
		l.say(e, now, "goes on at %d %%, %s of %s", percent(e.Offset, e.Size), sizeText(e.Offset), sizeText(e.Size))
	case Found:
		l.found = true
	case Moved:
		if e.Offset < l.meter.last.offset {
			l.meter.reset(now, e.Offset)
		}
		l.meter.moved(now, e.Offset)
		since := now.Sub(l.said)
		if p := percent(e.Offset, e.Size); p < 100 && since >= lineLeast && (since >= lineEvery || p >= l.at+lineStep) {
			l.say(e, now, "%s", joined(fmt.Sprintf("%d %%", p), l.meter.pace(now, e.Size)))
		}
	case Waiting:
		l.say(e, now, "trying again in %s: %v", short(e.Wait), e.Err)
		l.meter.reset(now, e.Offset)
	case Vanished:
		l.say(e, now, "the server no longer has what was sent, so it begins anew")
	case Warning:
		l.say(e, now, "warning: %v", e.Err)
	case Ended:
		switch {
		case e.Err != nil:
		case l.found:
			l.say(e, now, "already uploaded, %s: %s", sizeText(e.Size), e.Address)
		default:
			l.say(e, now, "done, %s in %s: %s", sizeText(e.Size), short(now.Sub(l.begun)), e.Address)
		}
	}
}

func (l *lines) say(e Event, now time.Time, format string, args ...any) {
	l.said, l.at = now, percent(e.Offset, e.Size)
	fmt.Fprintln(l.w, Printable(e.File+": "+fmt.Sprintf(format, args...)))
}

func joined(first, second string) string {
	if second == "" {
		return first
	}
	return first + ", " + second
}

// short writes a duration without digits that nobody reads.
func short(d time.Duration) string {
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
