package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// segment is one of the two files. Its fields are guarded by the journal's mu,
// save for file, which is set before anything else uses it.
type segment struct {
	journal *Journal
	name    string
	file    *os.File   // nil: not open yet
	writing sync.Mutex // so that a sync that fails is of what its caller wrote

	generation uint64
	prepared   int64 // bytes that are written with zeros, or were once used
	end        int64 // of what is appended
	users      int   // appended, and not yet written to their own files
	free       bool  // nothing in it is needed
	preparing  bool
	stuck      bool // it can't become larger
}

// roomFor returns the segment that the next group goes to, or nil if there is no
// room now. The caller holds mu.
func (j *Journal) roomFor(size int) *segment {
	if s := j.active; s != nil && s.end+entryHead+int64(size) > s.prepared {
		if s.prepared < j.opts.Size && !s.stuck {
			return nil // more is being prepared
		}
		j.retire()
	}
	if j.active == nil {
		j.active = j.oldestFree()
	}
	return j.active
}

// oldestFree takes the free segment into use that was free first, so that
// generations say in which order segments were used. If none is ready it has one
// prepared. The caller holds mu.
func (j *Journal) oldestFree() *segment {
	var oldest *segment
	for _, s := range j.segments {
		if s.free && (s.prepared > block || s.preparing) && (oldest == nil || s.generation < oldest.generation) {
			oldest = s
		}
	}
	if oldest != nil && oldest.prepared <= block {
		return nil // it is being prepared
	}
	if oldest == nil {
		for _, s := range j.segments {
			if s.free && s.prepareSoon() {
				break
			}
		}
		return nil
	}
	oldest.free = false
	return oldest
}

// retire ends the use of the active segment. The caller holds mu.
func (j *Journal) retire() {
	j.retired = append(j.retired, j.active)
	j.active = nil
	j.checkpointSoon()
}

// leave is one piece's: it is written to the caller's files.
func (s *segment) leave() {
	j := s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	s.users--
	j.checkpointSoon()
}

// checkpointSoon checkpoints the first segment that was retired, as soon as all
// that is in it was written: one after the other, since a later piece may say
// that an earlier one is void, and so that no Sync is believed after one that
// failed. The caller holds mu.
func (j *Journal) checkpointSoon() {
	if j.checkpointing || j.lost || len(j.retired) == 0 || j.retired[0].users > 0 {
		return
	}
	j.checkpointing = true
	s := j.retired[0]
	j.generation++
	next := j.generation
	j.running.Go(func() {
		if err := j.opts.Sync(); err != nil {
			j.Doubt(err)
		} else {
			j.empty(s, next)
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		j.checkpointing = false
		j.checkpointSoon()
	})
}

// empty makes a segment free, unless there is doubt about what it stands for.
func (j *Journal) empty(s *segment, next uint64) {
	j.heads.Lock()
	defer j.heads.Unlock()
	j.mu.Lock()
	lost := j.lost
	j.mu.Unlock()
	if lost {
		return
	}
	err := s.writeHead(head{next, j.opts.Place})
	if err != nil {
		j.fail("make the journal empty", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.lost = true
		return
	}
	j.retired = j.retired[1:]
	s.generation, s.end, s.free, s.stuck = next, block, true, false
}

// Doubt is for who has heard that a write to the caller's files failed: what the
// journal has stays in it, for Recover, and what those files seem to hold isn't to
// be believed, even if the machine runs on until then.
func (j *Journal) Doubt(err error) {
	j.fail("write the files that the journal stands for", err)
	j.heads.Lock()
	defer j.heads.Unlock()
	j.mu.Lock()
	j.lost = true
	j.mu.Unlock()
	for _, s := range j.segments {
		j.mu.Lock()
		h, needed := head{generation: s.generation}, !s.free
		j.mu.Unlock()
		if !needed {
			continue
		}
		if err := s.writeHead(h); err != nil {
			j.opts.Log.Error("the journal could not be marked as needed", "error", err)
		}
	}
}

func (s *segment) writeHead(h head) error { return s.write(h.bytes(), 0) }

// write writes and syncs.
func (s *segment) write(b []byte, offset int64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.journal.opts.write(s.file, b, offset); err != nil {
		return fmt.Errorf("write %s: %w", s.file.Name(), err)
	}
	return s.sync()
}

// sync is for who holds writing.
func (s *segment) sync() error {
	if err := s.journal.opts.SyncFile(s.file); err != nil {
		return &syncError{fmt.Errorf("fdatasync %s: %w", s.file.Name(), err)}
	}
	return nil
}

// syncError says that pages which were thought to be written are lost.
type syncError struct{ error }

func (e *syncError) Unwrap() error { return e.error }

// prepareMore has more of the segment prepared if little is left. The caller
// holds mu.
func (s *segment) prepareMore() {
	if s.prepared-s.end < preparedAhead {
		s.prepareSoon()
	}
}

// prepareSoon starts to prepare more, and returns true if that is going on. The
// caller holds mu.
func (s *segment) prepareSoon() bool {
	j := s.journal
	if s.preparing {
		return true
	}
	if s.stuck || s.prepared >= j.opts.Size || j.closing || j.failed != nil {
		return false
	}
	s.preparing = true
	if s.prepared == 0 {
		j.generation++
		s.generation, s.end = j.generation, block
	}
	from, generation := s.prepared, s.generation
	j.running.Go(func() {
		err := s.prepare(from, generation)
		switch {
		case noSpace(err):
			j.opts.Log.Warn("no space to prepare more of the journal of small uploads", "error", err)
		case err != nil:
			j.fail("prepare the journal", err)
		}
		j.mu.Lock()
		defer j.mu.Unlock()
		s.preparing = false
		s.stuck = err != nil
		if err == nil {
			s.prepared += preparedStep
		}
	})
	return true
}

// noSpace reports whether err only says that the disk is full, and not that what
// was written before is lost.
func noSpace(err error) bool {
	_, synced := errors.AsType[*syncError](err)
	return err != nil && !synced && (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT))
}

// prepare writes zeros from an offset on, and makes the file if there is none.
func (s *segment) prepare(from int64, generation uint64) error {
	if s.file == nil {
		if err := s.create(); err != nil {
			return err
		}
	}
	if err := s.writeZeros(from, generation); err != nil || from > 0 {
		return err
	}
	return syncFolder(filepath.Dir(s.name))
}

// writeZeros writes them piece by piece, which costs no memory to speak of, and
// with the first ones the head.
func (s *segment) writeZeros(from int64, generation uint64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	zeros := make([]byte, zerosAtOnce)
	for at := int64(0); at < preparedStep; at += zerosAtOnce {
		b := zeros
		if from+at == 0 {
			b = append(head{generation, s.journal.opts.Place}.bytes(), zeros[block:]...)
		}
		if err := s.journal.opts.write(s.file, b, from+at); err != nil {
			return fmt.Errorf("write %s: %w", s.file.Name(), err)
		}
	}
	return s.sync()
}

// zerosAtOnce is how many zeros are in memory, in bytes.
const zerosAtOnce = 64 << 10

func (s *segment) create() error {
	dir := filepath.Dir(s.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the journal's folder: %w", err)
	}
	if err := syncFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	f, err := os.OpenFile(s.name, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("make a file of the journal: %w", err)
	}
	s.file = f
	return nil
}

func syncFolder(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("open a folder to fsync it: %w", err)
	}
	if err := dir.Sync(); err != nil {
		_ = dir.Close()
		return &syncError{fmt.Errorf("fsync a folder: %w", err)}
	}
	return dir.Close()
}
