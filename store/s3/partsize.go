package s3

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tus/tusd/v2/pkg/handler"

	"plateau/store/s3/bucket"
)

const (
	leastPart = 5 << 20 // S3's least size of a part that isn't the last
	mostPart  = 5 << 30 // and the most
	mostParts = 10_000  // of one upload
	mib       = 1 << 20

	// usualMost is the largest part where 10,000 of them suffice: larger ones save
	// little, and each takes room in the spool.
	usualMost = 32 << 20
	// growEvery is after how many parts their size doubles where the length is unknown:
	// 8 MiB ones become 54 GiB before a part exceeds 32 MiB, and 8 TiB in all.
	growEvery = 1000
)

// grid is where the parts of an upload begin and end. It stays as it is, also when the
// length is told later or a part fails: so a part that is sent again has the same bytes,
// and one that lies behind a gap is at its place once the gap is filled.
type grid struct {
	from  int   // parts that were there before, of any size: tusd's
	size  int64 // of the others, in bytes; 0: there is no grid yet
	grows bool
}

// newGrid is that of a new upload; size -1: its length is unknown.
func (s *Store) newGrid(size int64) grid {
	if size < 0 {
		return grid{size: s.opts.PartSize, grows: true}
	}
	least := s.opts.PartSize
	return grid{size: max(min(roundUp(size/64), usualMost), least, roundUp(size/mostParts+1))}
}

// part returns the size of part number n, from 1.
func (g grid) part(n int) int64 {
	if !g.grows {
		return g.size
	}
	return min(g.size<<min((n-1)/growEvery, 20), mostPart)
}

// String is the grid as records have it: "<from>/<size>", and "+" if it grows.
func (g grid) String() string {
	text := fmt.Sprintf("%d/%d", g.from, g.size)
	if g.grows {
		text += "+"
	}
	return text
}

// gridOf returns the grid that a record has; false: none that can be used.
func gridOf(info handler.FileInfo) (g grid, ok bool) {
	text, grows := strings.CutSuffix(info.Storage[keyParts], "+")
	from, size, found := strings.Cut(text, "/")
	var err, err2 error
	g.grows = grows
	g.from, err = strconv.Atoi(from)
	g.size, err2 = strconv.ParseInt(size, 10, 64)
	ok = found && err == nil && err2 == nil && g.from >= 0 && g.from <= mostParts && g.size >= leastPart && g.size <= mostPart
	return g, ok
}

// contiguous returns the parts without a gap, from number 1, and where they end. Parts
// that aren't of the grid's size are of an earlier one, and lie behind a gap that was
// filled: they are not there. The last part of the upload may be shorter; size -1: it isn't
// known where that ends.
func (g grid) contiguous(parts []bucket.Part, size int64) (there []bucket.Part, end int64) {
	for i, p := range parts {
		if p.Number != i+1 {
			break
		}
		if p.Number > g.from && g.size > 0 && p.Size != g.part(p.Number) && end+p.Size != size {
			break
		}
		there = append(there, p)
		end += p.Size
	}
	return there, end
}

func roundUp(n int64) int64 { return (n + mib - 1) / mib * mib }
