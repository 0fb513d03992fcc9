package journal

import "time"

// group is a number of entries that are written and synced together.
type group struct {
	segment *segment
	offset  int64
	bytes   []byte
	members int64
	taken   chan struct{} // closed when nothing can be added any more
	done    chan struct{}
	err     error // may be read once done is closed
}

// join puts a piece into the next group that has room for it.
func (j *Journal) join(size int, fill func([]byte) error) (*group, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if size > maxPiece {
		return nil, ErrNoRoom
	}
	for j.next != nil && !j.next.hasRoom(size) {
		taken := j.next.taken
		j.mu.Unlock()
		<-taken
		j.mu.Lock()
	}
	if j.failed != nil || j.closing || j.opts.Size == 0 {
		return nil, ErrNoRoom
	}
	g := j.next
	if g == nil {
		s := j.roomFor(size)
		if s == nil {
			return nil, ErrNoRoom
		}
		g = &group{segment: s, offset: s.end, bytes: j.spare, taken: make(chan struct{}), done: make(chan struct{})}
		j.spare = nil
	}
	bytes, err := appendEntry(g.bytes, g.segment.generation, size, fill)
	if err != nil {
		return nil, err
	}
	g.bytes = bytes
	g.members++
	g.segment.users++
	j.next = g
	if !j.writing {
		j.writing = true
		j.running.Go(j.write)
	}
	select {
	case j.joined <- struct{}{}:
	default:
	}
	return g, nil
}

func (g *group) hasRoom(size int) bool {
	all := int64(len(g.bytes) + entryHead + size)
	return all <= maxGroup && g.offset+all <= g.segment.prepared
}

// write writes one group after the other, until nobody waits.
func (j *Journal) write() {
	for {
		j.gather()
		j.mu.Lock()
		g := j.next
		j.next = nil
		j.writing = g != nil
		if g != nil {
			g.bytes = padded(g.bytes)
			close(g.taken)
			g.segment.end = g.offset + int64(len(g.bytes))
			j.arm()
		}
		failed := j.failed
		j.mu.Unlock()
		if g == nil {
			return
		}
		if g.err = failed; failed == nil {
			if g.err = g.segment.write(g.bytes, g.offset); g.err != nil {
				j.fail("write to the journal", g.err)
			}
		}
		close(g.done)
		j.mu.Lock()
		j.spare = g.bytes[:0]
		g.segment.prepareMore()
		j.mu.Unlock()
	}
}

// gather waits until half of those that are expected have joined the next group,
// or a little while.
func (j *Journal) gather() {
	var late <-chan time.Time
	for {
		j.mu.Lock()
		enough := j.next == nil || 2*j.next.members >= j.opts.Expected()
		j.mu.Unlock()
		if enough {
			return
		}
		if late == nil {
			late = time.After(patience)
		}
		select {
		case <-j.joined:
		case <-late:
			return
		}
	}
}

// padded fills up the last block.
func padded(b []byte) []byte {
	if rest := len(b) % block; rest > 0 {
		b = append(b, make([]byte, block-rest)...)
	}
	return b
}

// arm sees to it that what was appended is checkpointed some time. The caller
// holds mu.
func (j *Journal) arm() {
	if j.timer == nil && !j.closing {
		j.timer = time.AfterFunc(j.opts.CheckpointAfter, j.late)
	}
}

// late retires the active segment though there is room in it.
func (j *Journal) late() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.timer = nil
	switch {
	case j.closing || j.active == nil || j.active.end == block:
	case len(j.retired) == 0:
		j.retire()
	case !j.lost:
		j.arm()
	}
}
