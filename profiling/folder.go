package profiling

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// FolderOptions are what a Folder needs. The zero value of a field with a default means the default.
type FolderOptions struct {
	// Path is the folder. It is made when the first capture is saved, so what it lies in must exist by then. Required.
	Path string
	// Files and Bytes bound what is kept in it, whoever saved it. Defaults 40 and 64 MiB.
	Files int
	Bytes int64
	// Patience is how long the disk may take for a capture, and Grace how long when the context has ended. Defaults 5 s and 1 s.
	Patience, Grace time.Duration
	// Now dates the captures. Default time.Now.
	Now func() time.Time
}

// Validate reports everything that is wrong with the options.
func (o FolderOptions) Validate() error {
	var errs []error
	if o.Path == "" {
		errs = append(errs, errors.New("capture folder: Path is empty"))
	}
	if o.Files < 0 || o.Bytes < 0 || o.Patience < 0 || o.Grace < 0 {
		errs = append(errs, errors.New("capture folder: Files, Bytes, Patience or Grace is negative"))
	}
	return errors.Join(errs...)
}

func (o FolderOptions) withDefaults() FolderOptions {
	if o.Files == 0 {
		o.Files = 40
	}
	if o.Bytes == 0 {
		o.Bytes = 64 << 20
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Folder keeps captures as files, at most so many and so many bytes, also over restarts. It counts and removes only files that
// its own names fit. It may be used by many goroutines; one process has a folder at a time.
//
// Where there is no room, files go of that kind, by cause and part, which has most: so what comes often does not push out
// what is rare. The oldest of it goes, but the first that this Folder has saved stays for as long as there is any other: to
// compare it with the last shows what grew.
//
// A capture is written beside its name first, so what bears the name is whole, unless the power fails: captures are not
// worth an fsync. Only the owner can read them. Symbolic links are not followed out of the folder, nor into it.
type Folder struct {
	opts   FolderOptions
	turn   chan struct{}     // has room for one; its holder saves a capture, and has what follows
	firsts map[string]string // the first name of each kind
}

// NewFolder returns a Folder. It touches nothing yet.
func NewFolder(opts FolderOptions) (*Folder, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	return &Folder{opts: opts.withDefaults(), turn: make(chan struct{}, 1), firsts: make(map[string]string)}, nil
}

// Part is one file of a capture.
type Part struct {
	Name string // what it is, and its format: heap.pb.gz, goroutine.pb.gz, flight.trace
	Data []byte
}

const (
	captureTime = "2006-01-02T150405Z"
	temporary   = ".tmp"
)

var (
	partName    = regexp.MustCompile(`^[a-z0-9]{1,20}(\.[a-z0-9]{1,8}){1,2}$`)
	captureName = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d{6}Z(?:-[0-9]+)?-([a-z0-9-]{1,40}-[a-z0-9]{1,20}(?:\.[a-z0-9]{1,8}){1,2})$`)
	notInCause  = regexp.MustCompile(`[^a-z0-9]+`)
)

// Save writes the parts of a capture under names such as 2026-11-29T171100Z-heap-rising-goroutine.pb.gz, and returns their
// paths. What of the cause can't be part of a file's name becomes a hyphen. Older captures make room before. After an error
// the paths are of those parts that were saved.
//
// It waits for the disk for [FolderOptions.Patience], and no longer than [FolderOptions.Grace] once ctx has ended. Then it
// leaves the writing to itself, for nobody can end a write to a disk that hangs, and fails; until that write is over, so does
// each other Save.
func (f *Folder) Save(ctx context.Context, cause string, parts ...Part) ([]string, error) {
	limit := time.NewTimer(f.opts.Patience)
	defer limit.Stop()
	turn, ended := f.turn, ctx.Done()
	type outcome struct {
		paths []string
		err   error
	}
	saved := make(chan outcome, 1)
	for {
		select {
		case turn <- struct{}{}:
			turn = nil
			go func() {
				defer func() { <-f.turn }()
				paths, err := f.save(cause, parts)
				saved <- outcome{paths, err}
			}()
		case s := <-saved:
			return s.paths, s.err
		case <-ended:
			ended = nil
			limit.Reset(f.opts.Grace)
		case <-limit.C:
			return nil, fmt.Errorf("save a capture in %s: the disk takes too long, and nobody waits for it any more", f.opts.Path)
		}
	}
}

// save is called by the holder of the turn.
func (f *Folder) save(cause string, parts []Part) ([]string, error) {
	var size int64
	for _, p := range parts {
		if !partName.MatchString(p.Name) {
			return nil, fmt.Errorf("save a capture: %q can't be the name of a part", p.Name)
		}
		size += int64(len(p.Data))
	}
	if len(parts) > f.opts.Files || size > f.opts.Bytes {
		return nil, fmt.Errorf("save a capture: %d files with %d bytes are more than the %d files and %d bytes that are kept",
			len(parts), size, f.opts.Files, f.opts.Bytes)
	}
	root, err := f.open()
	if err != nil {
		return nil, fmt.Errorf("open the capture folder %s: %w", f.opts.Path, err)
	}
	defer func() { _ = root.Close() }()
	if err := f.makeRoom(root, len(parts), size); err != nil {
		return nil, fmt.Errorf("make room in the capture folder %s: %w", f.opts.Path, err)
	}
	prefix, err := f.prefix(root, cause, parts)
	if err != nil {
		return nil, fmt.Errorf("name a capture in %s: %w", f.opts.Path, err)
	}
	var paths []string
	for _, p := range parts {
		if err := write(root, prefix+p.Name, p.Data); err != nil {
			return paths, fmt.Errorf("save a capture in %s: %w", f.opts.Path, err)
		}
		f.remember(prefix + p.Name)
		paths = append(paths, filepath.Join(f.opts.Path, prefix+p.Name))
	}
	return paths, nil
}

// open makes the folder if it isn't there. A link in its place is refused: it could lead among files that are somebody's.
func (f *Folder) open() (*os.Root, error) {
	parent, err := os.OpenRoot(filepath.Dir(f.opts.Path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = parent.Close() }()
	name := filepath.Base(f.opts.Path)
	if err := parent.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if stat, err := parent.Lstat(name); err != nil {
		return nil, err
	} else if !stat.IsDir() {
		return nil, errors.New("it is not a folder")
	}
	return parent.OpenRoot(name)
}

// prefix is the names' beginning, with a number in it if another capture of the same second and cause has them.
func (f *Folder) prefix(root *os.Root, cause string, parts []Part) (string, error) {
	cause = notInCause.ReplaceAllString(strings.ToLower(cause), "-")
	cause = strings.Trim(cause[:min(len(cause), 40)], "-")
	if cause == "" {
		cause = "capture"
	}
	at := f.opts.Now().UTC().Format(captureTime)
	for number := 1; ; number++ {
		prefix := at + "-" + cause + "-"
		if number > 1 {
			prefix = fmt.Sprintf("%s-%d-%s-", at, number, cause)
		}
		taken := false
		for _, p := range parts {
			_, err := root.Lstat(prefix + p.Name)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
			taken = taken || err == nil
		}
		if !taken {
			return prefix, nil
		}
	}
}

// write makes a file that is there whole or not at all.
func write(root *os.Root, name string, data []byte) error {
	file, err := root.OpenFile(name+temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err == nil {
		err = root.Rename(name+temporary, name)
	}
	if err != nil {
		return errors.Join(err, remove(root, name+temporary))
	}
	return nil
}
