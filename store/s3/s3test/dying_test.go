package s3test

import (
	"fmt"
	"os"
	"syscall"
)

// die is a test's process that starts a gateway, prints its process id, and is killed.
func die() {
	g, err := start(os.Getenv("PLATEAU_VERSITYGW"), os.Getenv("S3TEST_DIES"), false)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(g.running.cmd.Process.Pid)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	select {}
}
