package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// nameBatch is how many names of the folder are in memory at a time.
const nameBatch = 256

// eachName calls each for every name in the folder, in no order, until ctx ends
// or each returns an error. What is made or removed meanwhile may be among them.
func (s *Store) eachName(ctx context.Context, each func(name string) error) error {
	dir, err := s.root.Open(".")
	if err != nil {
		return fmt.Errorf("look through the uploads: %w", err)
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(nameBatch)
		for _, name := range names {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := each(name); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look through the uploads: %w", err)
		}
	}
}
