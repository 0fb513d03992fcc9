//go:build !linux

package hooks

import (
	"errors"
	"io"
	"os"
)

// eachName calls each for every name in a folder that was just opened, in the
// order of the file system.
func eachName(dir *os.File, each func(name []byte)) error {
	for {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			each([]byte(name))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
