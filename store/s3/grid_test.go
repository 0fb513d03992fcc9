package s3

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/s3/bucket"
)

// recorded is a record with this text in the place of its grid.
func recorded(text string) handler.FileInfo {
	return handler.FileInfo{Storage: map[string]string{keyParts: text}}
}

func TestGridInRecords(t *testing.T) {
	for _, g := range []grid{
		{size: leastPart},
		{size: mostPart, grows: true},
		{from: 1, size: 8*mib + 1},
		{from: mostParts, size: 32 * mib, grows: true},
	} {
		if got, ok := gridOf(recorded(g.String())); !ok || got != g {
			t.Errorf("%+v is recorded as %q, and read as %+v (%t)", g, g, got, ok)
		}
	}
	for _, text := range []string{
		"", "+", "/", "0/", "/8388608", "8388608", "0/8388608+ ", "0/8388608++", "0/x", "x/8388608", "-1/8388608", "10001/8388608",
		fmt.Sprintf("0/%d", leastPart-1), fmt.Sprintf("0/%d", mostPart+1), "0/9223372036854775808",
	} {
		if g, ok := gridOf(recorded(text)); ok {
			t.Errorf("%q is read as %+v", text, g)
		}
	}
	if _, ok := gridOf(handler.FileInfo{}); ok {
		t.Error("a record without one has a grid")
	}
}

// 10,000 parts of a new upload's grid have room for all its bytes, and no part is larger or
// smaller than S3 takes.
func TestNewGrid(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const most = 5 << 40
	sizes := []int64{0, 1, leastPart, 64 * leastPart, mostParts * leastPart, mostParts * usualMost, most - 1, most}
	for range 2000 {
		sizes = append(sizes, r.Int64N(1<<(1+r.IntN(42)))+1)
	}
	for _, least := range []int64{leastPart, 8 * mib, 100 * mib, mostPart} {
		s := &Store{opts: Options{PartSize: least}}
		for _, size := range sizes {
			size = min(size, most)
			g := s.newGrid(size)
			switch {
			case g.grows || g.from != 0 || g.size < least || g.size > mostPart:
				t.Errorf("least %d, size %d: %+v", least, size, g)
			case g.size*mostParts < size:
				t.Errorf("least %d, size %d: 10,000 parts of %d bytes are not enough", least, size, g.size)
			case g.size > max(least, usualMost) && g.size-mib > size/mostParts+1:
				t.Errorf("least %d, size %d: parts of %d bytes are larger than need be", least, size, g.size)
			}
			if got, ok := gridOf(recorded(g.String())); !ok || got != g {
				t.Errorf("%+v can't be recorded", g)
			}
		}
	}
}

// Where the length is unknown, parts grow: slowly first, and 10,000 of them hold 4.8 TiB at
// least.
func TestGridGrows(t *testing.T) {
	for _, least := range []int64{leastPart, 8 * mib, 2 << 30, mostPart} {
		g := (&Store{opts: Options{PartSize: least}}).newGrid(-1)
		if !g.grows || g.part(1) != least || g.part(growEvery) != least || g.part(growEvery+1) != min(2*least, mostPart) {
			t.Errorf("%+v begins with %d, %d, %d", g, g.part(1), g.part(growEvery), g.part(growEvery+1))
		}
		var end int64
		for n := 1; n <= mostParts; n++ {
			if size := g.part(n); size > mostPart || n > 1 && size < g.part(n-1) {
				t.Fatalf("part %d of %+v has %d bytes", n, g, size)
			}
			if end += g.part(n); least == 8*mib && end <= 54<<30 && g.part(n) > usualMost {
				t.Fatalf("part %d, which ends at %d, has %d bytes", n, end, g.part(n))
			}
		}
		if end < 4800<<30 {
			t.Errorf("10,000 parts of %+v end at %d", g, end)
		}
	}
}

// partsOf are parts with these numbers and sizes.
func partsOf(numbersAndSizes ...int64) (parts []bucket.Part) {
	for i := 0; i < len(numbersAndSizes); i += 2 {
		parts = append(parts, bucket.Part{Number: int(numbersAndSizes[i]), Size: numbersAndSizes[i+1]})
	}
	return parts
}

func TestContiguous(t *testing.T) {
	const six, eight = 6 * mib, 8 * mib
	for name, x := range map[string]struct {
		grid  grid
		parts []bucket.Part
		size  int64
		there int
		end   int64
	}{
		"none":                               {grid{size: eight}, nil, 20 * mib, 0, 0},
		"all":                                {grid{size: eight}, partsOf(1, eight, 2, eight, 3, 4*mib), 20 * mib, 3, 20 * mib},
		"the last is full":                   {grid{size: eight}, partsOf(1, eight, 2, eight), 16 * mib, 2, 16 * mib},
		"one that is short":                  {grid{size: eight}, partsOf(1, 3), 3, 1, 3},
		"the first is missing":               {grid{size: eight}, partsOf(2, eight, 3, 4*mib), 20 * mib, 0, 0},
		"one in the middle is missing":       {grid{size: eight}, partsOf(1, eight, 3, 4*mib), 20 * mib, 1, eight},
		"an earlier grid's behind":           {grid{size: six}, partsOf(1, six, 2, eight, 3, eight), 30 * mib, 1, six},
		"an earlier grid's":                  {grid{size: six}, partsOf(1, eight, 2, eight), 30 * mib, 0, 0},
		"short, and not the last":            {grid{size: eight}, partsOf(1, eight, 2, 7*mib), 30 * mib, 1, eight},
		"short, the length is unknown":       {grid{size: eight, grows: true}, partsOf(1, eight, 2, 7*mib), -1, 1, eight},
		"those before the grid have any":     {grid{from: 2, size: eight}, partsOf(1, six, 2, 50*mib, 3, eight, 4, six), 100 * mib, 3, 64 * mib},
		"those before the grid have no gaps": {grid{from: 2, size: eight}, partsOf(2, 50*mib, 3, eight), 100 * mib, 0, 0},
		"no grid yet":                        {grid{}, partsOf(1, six, 2, 50*mib), 100 * mib, 2, 56 * mib},
	} {
		there, end := x.grid.contiguous(x.parts, x.size)
		if len(there) != x.there || end != x.end {
			t.Errorf("%s: %d parts are there, which end at %d; want %d, %d", name, len(there), end, x.there, x.end)
		}
	}
}

// A first part of another size makes the grid a smaller one. Whatever parts of the earlier
// grid come to be seen, none is taken for the bytes of another place.
func TestContiguousStale(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 20_000 {
		before := grid{size: leastPart + 1 + r.Int64N(20)}
		now := grid{size: leastPart + r.Int64N(before.size-leastPart)}
		size := 1 + r.Int64N(5*before.size)
		begins := func(g grid, n int) int64 { return g.size * int64(n-1) }
		var parts []bucket.Part
		stale := make(map[int]bool)
		for n := 1; begins(now, n) < size; n++ {
			switch stale[n] = r.IntN(2) == 0 && begins(before, n) < size; {
			case stale[n]:
				parts = append(parts, bucket.Part{Number: n, Size: min(before.size, size-begins(before, n))})
			case r.IntN(4) > 0:
				parts = append(parts, bucket.Part{Number: n, Size: min(now.size, size-begins(now, n))})
			}
		}
		there, end := now.contiguous(parts, size)
		for _, p := range there {
			if stale[p.Number] && begins(before, p.Number) != begins(now, p.Number) {
				t.Fatalf("size %d, grid of %d, before of %d: part %d of %d bytes is taken, up to %d", size, now.size, before.size, p.Number, p.Size, end)
			}
		}
	}
}
