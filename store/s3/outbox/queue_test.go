package outbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/store/s3/bucket"
)

func TestNames(t *testing.T) {
	const timed = "019f2c4b8a107f3d9c2e5b6a8d4c1e0f"
	for id, want := range map[string]string{
		timed + "+VXBs.b2Fk_SUQ~":                timed,
		timed + "+0":                             timed,
		timed:                                    timed,
		"tenant-1--" + timed + "+0":              timed + "--tenant-1",
		"a--24e533e02ec3bc40c387f1a0e460e216+0":  "0-a--24e533e02ec3bc40c387f1a0e460e216",
		"1--" + timed + "+0":                     "0-1--" + timed,
		"24e533e02ec3bc40c387f1a0e460e216+2~abc": "0-24e533e02ec3bc40c387f1a0e460e216", // tusd's
		"abc_-9":                                 "0-abc_-9",
		strings.ToUpper(timed):                   "0-" + strings.ToUpper(timed),
		"":                                       "", "+a": "", "a/b+c": "", "..": "", "a.b": "", "a+b c": "", "a+\x00": "",
		strings.Repeat("a", 129): "", "a+" + strings.Repeat("b", 1_025): "",
	} {
		got, err := nameOf(id)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("the entry of %q is named %q, %v", id, got, err)
		}
		if err == nil && !isName(got) {
			t.Errorf("%q is not taken for a name", got)
		}
	}
	for _, bad := range []string{"", "0-", "0-" + timed, "0-a.b", "0-a--" + timed, timed + "--", timed + "--1", timed + "-a", timed + "--" + strings.Repeat("a", 33), "abc", "2026-11-29T0541", timed + "0", "g" + timed[1:]} {
		if isName(bad) {
			t.Errorf("%q is taken for a name", bad)
		}
	}
}

func TestNameSet(t *testing.T) {
	s := newNameSet(3)
	for _, name := range []string{"a", "b", "a", "c", "d"} {
		s.add(name)
	}
	for name, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if s.has(name) != want {
			t.Errorf("%s is in it: %t", name, !want)
		}
	}
	s.remove("c")
	s.add("e")
	s.add("f")
	s.add("g")
	if s.has("a") || s.has("c") || s.has("d") || len(s.names) != 3 {
		t.Errorf("there are %v", s.names)
	}
}

// backlog lists a great many names, as S3 would.
type backlog struct {
	count, lists int
}

func (b *backlog) page(q *queue, now time.Time) {
	b.lists++
	after := q.beginPage(now)
	first := 0
	if after != "" {
		_, _ = fmt.Sscanf(after, "0-%d", &first)
		first++
	}
	var found []bucket.Object
	for n := first; n < min(first+q.opts.Page, b.count); n++ {
		found = append(found, bucket.Object{Key: fmt.Sprintf("0-%08d", n), Size: 300})
	}
	cursor := ""
	if len(found) > 0 {
		cursor = found[len(found)-1].Key
	}
	q.endPage(found, cursor, first+len(found) < b.count, false, now)
}

// A million may wait, finished or not: what is in memory is a few pages, and each
// is listed once, the oldest first.
func TestMillion(t *testing.T) {
	for name, unknown := range map[string]bool{"finished": false, "unknown": true} {
		t.Run(name, func(t *testing.T) {
			q, b, now := newQueue(Options{}.withDefaults()), backlog{count: 1_000_000}, time.Now()
			most, total, last := 0, 0, ""
			for {
				if q.wanted(now) {
					b.page(q, now)
				}
				names := q.claim(500, 1<<20, now, now.Add(time.Minute))
				if len(names) == 0 {
					break
				}
				if names[0] <= last || !slices.IsSorted(names) {
					t.Fatalf("%s comes after %s", names[0], last)
				}
				last, total, most = names[len(names)-1], total+len(names), max(most, len(q.all))
				if unknown {
					for _, name := range names {
						q.unsure(name)
					}
					q.release(names, now)
				} else {
					q.gone(names...)
				}
			}
			if total != b.count || b.lists != b.count/q.opts.Page {
				t.Errorf("%d were claimed, by %d listings", total, b.lists)
			}
			if most > q.opts.Alone+2*q.opts.Page || q.ready.Len() > 0 {
				t.Errorf("%d were in memory", most)
			}
			if stats := q.stats(); !unknown && stats.Pending != 0 || unknown && stats.Pending != 1_000_000 || stats.AtLeast {
				t.Errorf("the stats are %+v", stats)
			}
			if q.kept != 0 || q.keptSize != 0 || q.alone != q.timed.Len() || q.listed != 0 {
				t.Errorf("miscounted: %d, %d, %d, %d", q.kept, q.keptSize, q.alone, q.listed)
			}
		})
	}
}

// What is left alone comes again later and later, and some of it never in the
// same moment.
func TestBackoff(t *testing.T) {
	q, now := newQueue(Options{}.withDefaults()), time.Now()
	q.pass.drained, q.pass.again = true, now.Add(24*time.Hour)
	q.arrive("0-a", intent{ID: "a", Record: []byte("{}")}, 1, now)
	if names := q.claim(1, 1, now, now.Add(time.Hour)); len(names) > 0 {
		t.Fatal("claimed before it may be asked about")
	}
	now = now.Add(q.opts.AskAfter)
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		want *= time.Second
		if names := q.claim(1, 1, now, now.Add(time.Hour)); len(names) != 1 {
			t.Fatalf("%d were claimed", len(names))
		}
		q.unsure("0-a")
		q.release([]string{"0-a"}, now)
		at := q.next()
		if pause := at.Sub(now); pause < want/2 || pause > want {
			t.Errorf("left alone for %s, want up to %s", pause, want)
		}
		if q.wake(at.Add(-1)) || !q.wake(at) {
			t.Error("nobody is told, or too soon")
		}
		now = at
	}
}
