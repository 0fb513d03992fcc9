package s3

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"plateau/store"
	"plateau/store/s3/bucket"
)

// Whatever the sizes of the parts: a final's steps have all bytes in their order, and S3
// takes them.
func TestPlanFinal(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const gather, most = 8 << 20, 64 << 20
	for range 2000 {
		sizes := make([]int64, 1+r.IntN(12))
		for i := range sizes {
			sizes[i] = []int64{0, 1, r.Int64N(leastPart), leastPart - 1, leastPart, leastPart + 1, r.Int64N(4 * leastPart), r.Int64N(5 * most)}[r.IntN(8)]
		}
		steps := planFinal(sizes, gather, most)
		if err := checkPlan(sizes, steps, most); err != nil {
			t.Fatalf("sizes %v: %v: %v", sizes, err, steps)
		}
	}
}

func checkPlan(sizes []int64, steps []step, most int64) error {
	left := slices.Clone(sizes)
	at := 0
	for i, p := range steps {
		var size int64
		for _, x := range p.stretches {
			for at < len(left) && left[at] == 0 {
				at++
			}
			if at == len(left) || x.piece != at || x.offset != sizes[at]-left[at] || x.length < 1 || x.length > left[at] {
				return fmt.Errorf("step %d doesn't go on where the one before ends", i)
			}
			left[at] -= x.length
			size += x.length
		}
		switch {
		case size != p.size:
			return fmt.Errorf("step %d has %d bytes", i, size)
		case size < leastPart && i < len(steps)-1:
			return fmt.Errorf("step %d is too short", i)
		case p.copied() && size > most, !p.copied() && size > 3*leastPart:
			return fmt.Errorf("step %d is too long", i)
		}
	}
	if slices.Max(left) > 0 {
		return errors.New("there are bytes left")
	}
	return nil
}

func TestInParallel(t *testing.T) {
	var done atomic.Int64
	if err := inParallel(100, 7, func(i int) error { done.Add(int64(i)); return nil }); err != nil || done.Load() != 4950 {
		t.Errorf("%d, %v", done.Load(), err)
	}
	calls := 0
	err := inParallel(100, 1, func(i int) error {
		if calls++; i >= 3 {
			return fmt.Errorf("error %d", i)
		}
		return nil
	})
	if err == nil || err.Error() != "error 3" || calls != 4 {
		t.Errorf("%v after %d calls", err, calls)
	}
	if err := inParallel(0, 4, func(int) error { return errors.New("called") }); err != nil {
		t.Error(err)
	}
}

// A name can be the beginning of another's, which then lies between its objects.
func TestFamilies(t *testing.T) {
	var waiting []family
	var got []string
	each := func(f family) error {
		got = append(got, fmt.Sprintf("%s %t %t %t", f.object, there(f.data), there(f.record), there(f.tail)))
		return nil
	}
	keys := []string{"a", "a-b", "a-b-c", "a-b.info", "a-d.part", "a.info", "a.part", "a.txt", "b.info", "c", "c.d.info"}
	if !slices.IsSorted(keys) {
		t.Fatal("no listing gives them so")
	}
	for _, key := range keys {
		var err error
		if waiting, err = passedBy(waiting, key, each); err != nil {
			t.Fatal(err)
		}
		waiting = enter(waiting, bucket.Object{Key: key})
	}
	if _, err := passedBy(waiting, "", each); err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	want := []string{"a true true true", "a-b true true false", "a-b-c true false false", "a-d false false true", "b false true false", "c true false false"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNames(t *testing.T) {
	now := time.Now()
	for _, prefix := range []string{"", "tenant1", "a-b_9"} {
		namesWith(t, prefix, now)
	}
	for _, other := range []string{"report", "d41d8cd98f00b204e9800998ecf8427e", ""} {
		if namedThen(other, now) || partObject(other) {
			t.Errorf("%q is taken for a name of ours", other)
		}
	}
}

func namesWith(t *testing.T, prefix string, now time.Time) {
	ctx := store.WithRequest(t.Context(), &store.Request{IDPrefix: prefix})
	file, part := newObject(ctx, now, false), newObject(ctx, now, true)
	final := finalObject([]string{part + "+0", file + "+0"})
	for _, object := range []string{file, part, final} {
		if !validID(object+"+0") || !ownObject(object) || !namedThen(object, now) || partObject(object) != (object == part) {
			t.Errorf("%s", object)
		}
		if namedThen(object, now.Add(31*24*time.Hour)) || namedThen(object, now.Add(-25*time.Hour)) {
			t.Errorf("%s is taken for one of another time", object)
		}
	}
	if i := strings.Index(part, timeOf(now)) + timeLength; final[:i] != part[:i] || !strings.HasPrefix(part, prefix) {
		t.Errorf("the final %s doesn't lie beside its part %s", final, part)
	}
}
