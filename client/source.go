package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// source is the file that is uploaded, as it was when it was opened.
type source struct {
	*os.File
	path     string // absolute
	size     int64
	modified time.Time
}

func openSource(path string) (*source, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("can't be found: %w", err)
	}
	// Looked at before it is opened: opening a pipe would wait for its writer.
	info, err := os.Stat(absolute)
	switch {
	case err != nil:
		return nil, fmt.Errorf("can't be read: %w", inner(err))
	case info.IsDir():
		return nil, errors.New("is a folder; folders are not uploaded, name the files in it")
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file, so its length is not known; save it to one first")
	}
	file, err := os.Open(absolute)
	if err != nil {
		return nil, fmt.Errorf("can't be opened: %w", inner(err))
	}
	if info, err = file.Stat(); err != nil {
		return nil, errors.Join(fmt.Errorf("can't be read: %w", inner(err)), file.Close())
	}
	if info.Size() == 0 {
		// Files of /proc and the like have no size, and content all the same.
		if n, err := file.Read(make([]byte, 1)); n > 0 {
			return nil, errors.Join(errors.New("has content, but no size, so its length is not known; save it to another file first"), file.Close())
		} else if !errors.Is(err, io.EOF) {
			return nil, errors.Join(fmt.Errorf("can't be read: %w", inner(err)), file.Close())
		}
	}
	return &source{file, absolute, info.Size(), info.ModTime()}, nil
}

// inner takes off the name of the file, which the reader knows.
func inner(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// unchanged returns an error if the file isn't what it was.
func (s *source) unchanged() error {
	info, err := s.Stat()
	if err != nil {
		return &sourceError{fmt.Errorf("look at the file: %w", inner(err))}
	}
	if info.Size() != s.size || !info.ModTime().Equal(s.modified) {
		return &sourceError{ErrChanged}
	}
	return nil
}

// metadata is what goes with the upload: what was given, and what the file's name says.
func (s *source) metadata(given map[string]string) map[string]string {
	// A name may be any bytes, a value of metadata has to be UTF-8.
	all := map[string]string{"filename": strings.ToValidUTF8(filepath.Base(s.path), "\uFFFD")}
	// Without its parameters: that a text is UTF-8, say, is a guess.
	if kind, _, err := mime.ParseMediaType(mime.TypeByExtension(filepath.Ext(s.path))); err == nil {
		all["filetype"] = kind
	}
	for key, value := range given {
		all[key] = value
	}
	return all
}

// body reads the rest of a source for one PATCH. net/http may go on reading after it has returned the answer, so stop must
// be called before anything else is done with the source.
type body struct {
	source *source
	feed   func() // called while the connection takes something
	all    func() // called when the last of it was taken
	moved  func(offset int64)

	mu     sync.Mutex // guards what follows, and keeps moved from being called after stop
	offset int64
	err    error // why no more is read, but for the end
}

// Read is io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	left := b.source.size - b.offset
	if left == 0 {
		return 0, io.EOF
	}
	b.feed()
	n, err := b.source.ReadAt(p[:min(int64(len(p)), left)], b.offset)
	if errors.Is(err, io.EOF) && int64(n) < left {
		err = ErrChanged // it has become shorter
	} else if errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil {
		b.err = &sourceError{fmt.Errorf("read the file: %w", inner(err))}
		return 0, b.err
	}
	// Asked after reading, so that what was read is of the unchanged file.
	if b.err = b.source.unchanged(); b.err != nil {
		return 0, b.err
	}
	b.offset += int64(n)
	if b.offset == b.source.size {
		b.all()
	}
	b.moved(b.offset)
	return n, nil
}

// stop ends all reading, and returns the error of the file, if that was it.
func (b *body) stop() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	err := b.err
	b.err = errStopped
	return err
}
