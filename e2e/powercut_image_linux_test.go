package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// imageSize is the size of a file system in an image file, of which little is ever written.
const imageSize = 256 << 20

// image is a file system in a file, mounted.
type image struct {
	file, at string
	mounted  bool
}

// needImages skips a test where no file can be mounted.
func needImages(t *testing.T) {
	t.Helper()
	for program, name := range map[string]string{"mkfs.ext4": "e2fsprogs", "mount": "mount", "umount": "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			missing(t, program, "apt-get install -y "+name)
		}
	}
	if os.Geteuid() != 0 {
		missing(t, "the permission to mount a file", "run as root")
	}
}

// command runs a program to its end and wants it to succeed.
func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if text, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, text)
	}
}

// blankImage makes an image with an empty ext4 in it, as mkfs.ext4 makes it unless told otherwise.
func blankImage(t *testing.T, folder string, size int64) string {
	t.Helper()
	file := filepath.Join(folder, "blank.img")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	command(t, "mkfs.ext4", "-q", file)
	return file
}

func copyImage(t *testing.T, from, to string) string {
	t.Helper()
	command(t, "cp", "--sparse=always", "--reflink=auto", from, to)
	return to
}

// mountImage mounts an image until the test ends or unmount is called. The kernel commits its journal only when it is asked to,
// or after five minutes: what has not been brought to the disk is not there by chance.
func mountImage(t *testing.T, file, at string) *image {
	t.Helper()
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), "mount", "-t", "ext4", "-o", "loop,commit=300", file, at).CombinedOutput()
	if said := string(text); err != nil && (strings.Contains(said, "permission denied") || strings.Contains(said, "failed to setup loop device")) {
		missing(t, "a loop device that may be mounted ("+strings.TrimSpace(said)+")", "run as root, outside of a container or in a privileged one")
	}
	if err != nil {
		t.Fatalf("mount %s: %v\n%s", file, err, text)
	}
	m := &image{file: file, at: at, mounted: true}
	t.Cleanup(func() {
		if m.mounted {
			_ = exec.Command("umount", "--lazy", m.at).Run()
		}
	})
	return m
}

func (m *image) unmount(t *testing.T) {
	t.Helper()
	command(t, "umount", m.at)
	m.mounted = false
}

// copyAsItIs copies what the mounted file system has brought to its disk by now, and not what is still in memory. Should the
// kernel write while the image is copied, it is copied again: no power cut leaves halves of two moments.
func (m *image) copyAsItIs(t *testing.T, to string) string {
	t.Helper()
	for range 50 {
		before, busy := m.written(t)
		copyImage(t, m.file, to)
		if after, _ := m.written(t); !busy && before == after {
			return to
		}
	}
	t.Fatal("the kernel never left the image alone")
	return ""
}

// written says how much was written to the image's device so far, and whether something is being written.
func (m *image) written(t *testing.T) (figures string, busy bool) {
	t.Helper()
	info, err := os.Stat(m.at)
	if err != nil {
		t.Fatal(err)
	}
	device := info.Sys().(*syscall.Stat_t).Dev
	text, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", device>>8&0xfff, device&0xff|device>>12&0xfff00))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(text)) // Documentation/block/stat.rst
	if len(f) < 9 {
		t.Fatalf("the device's figures are %q", text)
	}
	return f[4] + " writes of " + f[6] + " sectors", f[8] != "0"
}
