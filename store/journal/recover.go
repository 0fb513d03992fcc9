package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// Recover opens what an earlier process left. It calls each, in the order of their
// appending, for every piece that may be missing from the caller's files: not
// where these are in the same place still, in the same run of the machine. Then,
// in the background, it makes the journal free for use. It must be called before
// anything else, and may be called once; after an error everything is as it was,
// for the next try.
func (j *Journal) Recover(each func(piece []byte) error) error {
	err := j.open()
	if err == nil {
		err = j.read(each)
	}
	if err != nil {
		for _, s := range j.segments {
			if s.file != nil {
				err = errors.Join(err, s.file.Close())
				s.file = nil
			}
		}
		return fmt.Errorf("read the journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.checkpointSoon()
	return nil
}

// open opens the files that there are.
func (j *Journal) open() error {
	for _, s := range j.segments {
		f, err := os.OpenFile(s.name, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		s.file = f
	}
	return nil
}

// read reads the files, the older one first.
func (j *Journal) read(each func([]byte) error) error {
	heads := map[*segment]head{}
	var order []*segment
	for _, s := range j.segments {
		if s.file == nil {
			continue
		}
		h, err := readHead(s.file)
		switch {
		case errors.Is(err, errNoHead):
			if err := s.setAside(); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			heads[s], order = h, append(order, s)
			j.generation = max(j.generation, h.generation)
		}
	}
	slices.SortFunc(order, func(a, b *segment) int { return cmp.Compare(heads[a].generation, heads[b].generation) })
	for _, s := range order {
		if err := s.read(heads[s], each); err != nil {
			return err
		}
	}
	return nil
}

// setAside is for a file without a head: it was being made, and is made anew; or
// it was damaged, and is kept for a person.
func (s *segment) setAside() error {
	b := make([]byte, block)
	n, err := s.file.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	f := s.file
	s.file = nil
	if err := f.Close(); err != nil {
		return err
	}
	if !slices.ContainsFunc(b[:n], func(c byte) bool { return c != 0 }) {
		return nil
	}
	s.journal.opts.Log.Error("a file of the journal is damaged, and set aside; uploads of the last seconds before a power cut may be in it", "file", s.name+".damaged")
	return os.Rename(s.name, s.name+".damaged")
}

// read reads one file.
func (s *segment) read(h head, each func([]byte) error) error {
	j := s.journal
	stat, err := s.file.Stat()
	if err != nil {
		return err
	}
	used := false
	err = readAll(s.file, h.generation, func(piece []byte) error {
		used = true
		if h.place == j.opts.Place && h.place != "" {
			return errEnough
		}
		return each(piece)
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	s.generation, s.end = h.generation, block
	s.prepared = min(stat.Size(), j.opts.Size) / preparedStep * preparedStep
	if used || h.place != j.opts.Place {
		s.free = false
		j.retired = append(j.retired, s)
	}
	return nil
}

// errEnough ends the reading of a file.
var errEnough = errors.New("enough")

// readAll calls each for the entries of an open file, in order.
func readAll(f io.ReaderAt, generation uint64, each func([]byte) error) error {
	offset := int64(block)
	for {
		b, err := readEntry(f, offset, generation)
		if errors.Is(err, errNoEntry) {
			// The next group, if there is one, begins with the next block.
			if offset%block == 0 {
				return nil
			}
			offset += block - offset%block
			continue
		}
		if err != nil {
			return err
		}
		if err := each(b); err != nil {
			return err
		}
		offset += entryHead + int64(len(b))
	}
}
