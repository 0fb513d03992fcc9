package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"plateau/store/blocks"
	"plateau/store/lifecycle"
)

// OpenToRead opens the folder without its lock, to look at uploads beside the
// server that has it, or without one. It makes and writes nothing; the folder
// must be there. Only what reads may be called: List, Show, FinishedBetween,
// Expire as a dry run, and Close.
func OpenToRead(opts Options) (*Store, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	opts = opts.withDefaults()
	s := &Store{opts: opts, blocks: blocks.New(opts.WriteBlock, opts.BufferPool), ages: lifecycle.NewAges(opts.Now, nil, opts.Log)}
	var err error
	if s.root, err = os.OpenRoot(filepath.Join(opts.Dir, "uploads")); err != nil {
		return nil, fmt.Errorf("open the folder for uploads: %w", err)
	}
	dir, err := s.root.Open(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the folder for uploads: %w", err), s.root.Close())
	}
	s.folder = &folderSync{dir: dir}
	// Held open where a server would hold the lock, so that Close is the same.
	if s.lock, err = os.Open(opts.Dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open the data folder: %w", err), dir.Close(), s.root.Close())
	}
	s.syncs = newSyncs(dir, s.lock, opts.Log) // idle: nothing is written
	return s, nil
}
