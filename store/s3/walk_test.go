package s3

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"plateau/store"
)

// Whatever else is in the bucket, a listing of a span of time finds what was created in it
// behind every prefix, with no more calls than a listing of everything.
func TestSpan(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	prefixes := []string{"", "", "a", "a-0", "a-018", "a-017e", "a-1", "a0", "a_", "Z", "b", "tenant-1", "tenant-10", "outbox"}
	others := []string{"0", "00-x", "1", "9f", "aa--", "a-", "a", "a--x", "a--~", "b--zz", "d41d8cd98f00b204e9800998ecf8427e", "report.pdf", "z", "~", "tenant-1.info"}
	now := time.Now()
	for range 300 {
		keys := slices.Clone(others)
		for range r.IntN(200) {
			prefix := prefixes[r.IntN(len(prefixes))]
			ctx := store.WithRequest(t.Context(), &store.Request{IDPrefix: prefix})
			object := newObject(ctx, now.Add(time.Duration(r.IntN(200)-100)*time.Hour), r.IntN(2) == 0)
			keys = append(keys, object, recordKey(object))
		}
		slices.Sort(keys)
		for _, created := range []span{{}, youngAt(now)} {
			size := 1 + r.IntN(20)
			var got, want []string
			calls := 0
			for after, more := created.from, true; more; calls++ {
				i, found := slices.BinarySearch(keys, after)
				if found {
					i++
				}
				page := keys[i:min(i+size, len(keys))]
				more = i+size < len(keys)
				for _, key := range page {
					if created.has(key) {
						got = append(got, key)
					}
					if next := created.next(key); next < key {
						t.Fatalf("after %q the listing goes back to %q", key, next)
					} else {
						after = next
					}
				}
			}
			for _, key := range keys {
				object, _, _ := strings.Cut(key, ".")
				if (created == span{}) || ownObject(object) && created.has(key) {
					want = append(want, key)
				}
			}
			got = slices.DeleteFunc(got, func(key string) bool { return !slices.Contains(want, key) })
			if !slices.Equal(got, want) {
				t.Fatalf("of %q, %q are found of %q", keys, got, want)
			}
			if whole := len(keys)/size + 1; calls > whole+1 {
				t.Fatalf("%d calls, where a listing of everything has %d", calls, whole)
			}
		}
	}
}

// Young uploads of few prefixes are found among many old ones with few calls.
func TestSpanLeaps(t *testing.T) {
	created := youngAt(time.Now())
	old, young, ahead := timeOf(time.Now().Add(-48*time.Hour)), timeOf(time.Now()), timeOf(time.Now().Add(48*time.Hour))
	for key, want := range map[string]string{
		old + "x":            created.from,
		young + "x":          young + "x",
		ahead + "x":          ":",
		"d41d":               "d41d",
		"a--" + old + "x":    "a--" + created.from,
		"a--" + young + "x":  "a--" + young + "x",
		"a--" + ahead + "x":  "a--~",
		"a-0--" + old + ".i": "a-0--" + created.from,
	} {
		if got := created.next(key); got != want {
			t.Errorf("after %q the listing goes on at %q, want %q", key, got, want)
		}
	}
}
