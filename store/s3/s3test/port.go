package s3test

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// freeAddr finds a port on loopback that a server can take, lose and take again. It lies below the range from which the kernel
// serves outgoing connections, so that none of these can sit on it while the server is down.
func freeAddr() (string, error) {
	for range 1000 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(12000+rand.IntN(20000)))
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		return addr, listener.Close()
	}
	return "", errors.New("no free port on 127.0.0.1")
}
