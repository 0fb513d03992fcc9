package client

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLines(t *testing.T) {
	var b strings.Builder
	now := time.Unix(1000, 0)
	l := &lines{w: &b, now: func() time.Time { return now }}
	const mib = 1 << 20
	say := func(after time.Duration, e Event, want string) {
		t.Helper()
		b.Reset()
		now = now.Add(after)
		e.File, e.Size = "a\x1b.bin", 100*mib
		l.watch(e)
		if want != "" {
			want = "a?.bin: " + want + "\n"
		}
		if b.String() != want {
			t.Errorf("said %q, want %q", b.String(), want)
		}
	}
	say(0, Event{Kind: Started}, "")
	say(0, Event{Kind: Created}, "uploading 100.0 MiB")
	say(time.Second, Event{Kind: Moved, Offset: 9 * mib}, "")
	say(time.Second, Event{Kind: Moved, Offset: 10 * mib}, "10 %, 5.0 MiB/s, 18s left")
	say(time.Second/2, Event{Kind: Moved, Offset: 30 * mib}, "") // not more than a line a second
	say(time.Second/2, Event{Kind: Moved, Offset: 31 * mib}, "31 %, 10.3 MiB/s, 7s left")
	say(9*time.Second, Event{Kind: Moved, Offset: 32 * mib}, "")
	say(time.Second, Event{Kind: Moved, Offset: 33 * mib}, "33 %, 204.8 KiB/s, 5m35s left")
	say(time.Second, Event{Kind: Waiting, Offset: 20 * mib, Err: errors.New("cut"), Wait: 1234 * time.Millisecond}, "trying again in 1.2s: cut")
	say(2*time.Second, Event{Kind: Moved, Offset: 20 * mib}, "")
	say(8*time.Second, Event{Kind: Moved, Offset: 21 * mib}, "21 %, 102.4 KiB/s, 13m10s left")
	say(0, Event{Kind: Vanished}, "the server no longer has what was sent, so it begins anew")
	say(0, Event{Kind: Warning, Err: errors.New("w")}, "warning: w")
	say(time.Minute, Event{Kind: Moved, Offset: 100 * mib}, "")
	say(0, Event{Kind: Ended, Offset: 100 * mib, Address: "http://host/files/\n1"}, "done, 100.0 MiB in 1m24s: http://host/files/?1")

	say(0, Event{Kind: Started}, "")
	say(0, Event{Kind: Resumed, Offset: 50 * mib}, "goes on at 50 %, 50.0 MiB of 100.0 MiB")
	say(time.Second, Event{Kind: Moved, Offset: 60 * mib}, "60 %, 10.0 MiB/s, 4s left")
	say(0, Event{Kind: Ended, Err: errors.New("the caller says it")}, "")
}

func TestWordsForSizes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 40: "1.0 TiB"} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for _, c := range [][3]int64{{0, 0, 100}, {0, 1, 0}, {1, 1, 100}, {999, 1000, 99}} {
		if got := percent(c[0], c[1]); got != c[2] {
			t.Errorf("%d of %d: %d, want %d", c[0], c[1], got, c[2])
		}
	}
}
