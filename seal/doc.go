// Package seal makes a log tamper-evident: a Merkle tree over its records (RFC 6962), whose root stands for every byte of every
// record in its place.
package seal
