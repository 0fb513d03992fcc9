package client

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// What a line has room for, in letters.
const (
	barName  = 32 // at most, of a file's name
	barLeast = 12 // at least, of the bar
	barTexts = 56 // of all that stands beside name and bar, while it goes well
)

// Show returns a function for [Options.Watch] that shows uploads, one after another: as a bar if w is a terminal, as lines
// elsewhere, or if that is asked for. It doesn't show the error that ends an upload; the caller of Upload has that.
func Show(w io.Writer, asLines bool) func(Event) {
	if file, ok := w.(*os.File); ok && !asLines && term.IsTerminal(int(file.Fd())) {
		// A terminal without a size shows nothing of a bar.
		if width, height, err := term.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
			return (&bar{w: file}).watch
		}
	}
	return (&lines{w: w, now: time.Now}).watch
}

// bar shows each upload as a line that changes, and leaves its last state.
type bar struct {
	w        *os.File
	progress *mpb.Progress
	bar      *mpb.Bar
	begun    time.Time

	mu     sync.Mutex // guards what follows, which is read when the bar is drawn
	meter  meter
	size   int64
	before int64     // the offset of an earlier run, drawn in another way
	status string    // in place of the pace, if not empty
	until  time.Time // of a pause
	end    string    // what a good end is called
	noted  string    // the last trouble that was told of
}

func (b *bar) watch(e Event) {
	now := time.Now()
	switch e.Kind {
	case Started:
		b.start(e, now)
	case Created:
		b.set(now, 0)
	case Resumed:
		b.set(now, e.Offset)
		b.mu.Lock()
		b.before = e.Offset
		b.mu.Unlock()
	case Moved:
		b.move(e, now)
	case Waiting:
		b.set(now, e.Offset)
		b.mu.Lock()
		b.until = now.Add(e.Wait)
		b.mu.Unlock()
		// Its words would leave no room for the bar.
		if why := e.Err.Error(); why != b.noted {
			b.noted = why
			b.note(e, why)
		}
	case Found:
		b.set(now, e.Offset)
		b.end = "already uploaded"
	case Vanished:
		b.set(now, 0)
		b.note(e, "the server no longer has what was sent, so it begins anew")
	case Warning:
		b.note(e, fmt.Sprintf("warning: %v", e.Err))
	case Ended:
		b.stop(e, now)
	}
}

func (b *bar) start(e Event, now time.Time) {
	b.begun = now
	b.size, b.before, b.status, b.until, b.end, b.noted = e.Size, 0, "starting", time.Time{}, "", ""
	b.meter.reset(now, 0)
	b.progress = mpb.New(mpb.WithOutput(b.w))
	// A total of 0: the bar ends when the server has said so, not when all is sent. How far it is, it is told when it is
	// drawn: telling it at every step would cost more than the upload.
	b.bar = b.progress.New(0, mpb.BarStyle().Lbound("[").Filler("=").Tip(">").Padding("-").Refiller("+").Rbound("]"),
		mpb.BarFillerMiddleware(func(drawn mpb.BarFiller) mpb.BarFiller {
			return mpb.BarFillerFunc(func(w io.Writer, s decor.Statistics) error {
				s.Current, s.Refill = b.offsets()
				s.Total = e.Size
				return drawn.Fill(w, s)
			})
		}),
		mpb.PrependDecorators(
			decor.Any(func(s decor.Statistics) string {
				room := (s.AvailableWidth - barLeast - barTexts) // the line's width, since this comes first
				return ellipsis(Printable(filepath.Base(e.File)), min(max(room, barLeast), barName))
			}),
			decor.Any(func(decor.Statistics) string {
				offset, _ := b.offsets()
				return fmt.Sprintf(" %3d %%", percent(offset, e.Size))
			}),
		),
		mpb.AppendDecorators(
			decor.Any(func(decor.Statistics) string {
				offset, _ := b.offsets()
				return fmt.Sprintf("%s of %s", sizeText(offset), sizeText(e.Size))
			}),
			decor.Any(b.state),
		),
	)
}

func (b *bar) offsets() (now, before int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.meter.last.offset, min(b.before, b.meter.last.offset)
}

// set moves the bar to where nothing says how fast it got there.
func (b *bar) set(now time.Time, offset int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status, b.until = "", time.Time{}
	b.meter.reset(now, offset)
}

func (b *bar) move(e Event, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status, b.until = "", time.Time{}
	if e.Offset == e.Size {
		b.status = "waiting for the answer"
	}
	if e.Offset < b.meter.last.offset {
		b.meter.reset(now, e.Offset)
	}
	b.meter.moved(now, e.Offset)
}

func (b *bar) note(e Event, text string) {
	fmt.Fprintln(b.progress, Printable(e.File+": "+text))
}

func (b *bar) stop(e Event, now time.Time) {
	b.mu.Lock()
	b.status, b.until = "stopped", time.Time{}
	switch {
	case e.Err == nil && b.end != "":
		b.status = b.end
	case e.Err == nil:
		b.status = "done in " + short(now.Sub(b.begun))
	}
	b.mu.Unlock()
	if e.Err == nil {
		b.bar.SetTotal(e.Size, true)
	} else {
		b.bar.Abort(false)
	}
	b.progress.Wait()
}

// state is the end of the line, as much of it as leaves room for the bar.
func (b *bar) state(s decor.Statistics) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	text := b.status
	if text == "" {
		text = b.meter.pace(now, b.size)
	}
	if !b.until.IsZero() {
		text = fmt.Sprintf("trying again in %s", max(0, b.until.Sub(now)).Round(time.Second))
	}
	if text == "" || s.AvailableWidth < barLeast+len(text)+2 {
		return ""
	}
	return ", " + text
}

// ellipsis keeps the end of a long name, which tells it from others.
func ellipsis(name string, room int) string {
	letters := []rune(name)
	if len(letters) <= room {
		return name
	}
	return "…" + string(letters[len(letters)-room+1:])
}
