package disk

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"
)

func TestOneServerPerFolder(t *testing.T) {
	f := openFolder(t, t.TempDir())
	f.upload(handler.FileInfo{Size: 3}, "abc")
	for range 2 {
		_, err := Open(f.options())
		inUse, ok := errors.AsType[*InUseError](err)
		if !ok || inUse.Dir != f.dir || !strings.Contains(inUse.Holder, "process "+strconv.Itoa(os.Getpid())+" on ") {
			t.Fatalf("a second store on the folder: %v, want who has it", err)
		}
		if !strings.Contains(err.Error(), inUse.Holder) || !strings.Contains(err.Error(), f.dir) {
			t.Errorf("the error doesn't name folder and holder: %v", err)
		}
	}
	other := openFolder(t, t.TempDir()) // other folders are free
	if other.dir == f.dir {
		t.Fatal("the same folder")
	}
}

func TestFolderIsFreeAfterClose(t *testing.T) {
	f := &folder{t: t, dir: t.TempDir()}
	for range 3 {
		s, err := Open(f.options())
		f.must(err)
		s.Start(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		f.must(s.Close(ctx))
		cancel()
	}
}

func TestFolderThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(dir string) error
		repair  func(dir string) error
	}{
		{
			"below a file",
			func(dir string) error { return os.WriteFile(dir, nil, 0o644) }, os.Remove,
		},
		{
			"uploads is a file",
			func(dir string) error {
				return errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(dir+"/uploads", nil, 0o644))
			},
			func(dir string) error { return os.Remove(dir + "/uploads") },
		},
		{
			"nothing can be written", // for root too
			func(dir string) error { return os.MkdirAll(dir+"/uploads/probe.tmp", 0o755) },
			func(dir string) error { return os.Remove(dir + "/uploads/probe.tmp") },
		},
		{
			"the lock can't be written",
			func(dir string) error { return os.MkdirAll(dir+"/lock", 0o755) },
			func(dir string) error { return os.Remove(dir + "/lock") },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &folder{t: t, dir: t.TempDir() + "/data"}
			f.must(c.prepare(f.dir))
			s, err := Open(f.options())
			if err == nil {
				f.must(s.Close(t.Context()))
				t.Fatal("the folder was opened")
			}
			if !strings.Contains(err.Error(), ": ") || len(err.Error()) < 30 {
				t.Errorf("the error says little: %v", err)
			}
			// The failure has left nothing locked or open.
			f.must(c.repair(f.dir))
			s, err = Open(f.options())
			f.must(err)
			f.must(s.Close(t.Context()))
		})
	}
}

func TestValidateSaysEverything(t *testing.T) {
	_, err := Open(Options{WriteBlock: -1})
	if err == nil {
		t.Fatal("the options are taken")
	}
	for _, word := range []string{"Dir", "Locker", "Finish", "negative"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q says nothing of %s", err, word)
		}
	}
}
