package s3

// A final is made of its parts' objects in steps, each of which becomes a part of its
// multipart upload: S3 copies stretches of 5 MiB or more by itself; shorter ones have to
// pass through here, put together until they are long enough.

// stretch is a piece's bytes from offset on.
type stretch struct {
	piece          int
	offset, length int64
}

// step is what becomes one part of a final.
type step struct {
	stretches []stretch
	size      int64
	last      bool // which may be of any size
}

// copied reports whether S3 can copy the step by itself.
func (p step) copied() bool { return len(p.stretches) == 1 && (p.size >= leastPart || p.last) }

func (p *step) add(x stretch) {
	p.stretches = append(p.stretches, x)
	p.size += x.length
}

// planFinal returns the steps of a final of pieces of these sizes. What passes through
// here is put together to at most gather bytes, or a little more before a large piece;
// what is copied has at most most bytes.
func planFinal(sizes []int64, gather, most int64) []step {
	var steps []step
	var open step // of short stretches, not long enough yet
	end := func() {
		if open.size > 0 {
			steps = append(steps, open)
			open = step{}
		}
	}
	for i, size := range sizes {
		for offset := int64(0); offset < size; {
			left := size - offset
			if left >= leastPart && open.size >= leastPart {
				end()
			}
			n := min(left, gather-open.size)
			switch {
			case left >= leastPart && open.size == 0:
				count := (left + most - 1) / most
				n = (left + count - 1) / count
			case left >= leastPart:
				// As little as is needed, if the rest can still be copied.
				if n = leastPart - open.size; left-n < leastPart {
					n = left
				}
			}
			open.add(stretch{i, offset, n})
			offset += n
			if open.copied() || open.size >= gather || left >= leastPart {
				end()
			}
		}
	}
	end()
	if len(steps) > 1 {
		steps[len(steps)-1].last = true
	}
	return steps
}
