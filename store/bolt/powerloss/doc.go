// Package powerloss holds no code: its tests show that store/bolt loses nothing it acknowledged when the power goes or
// the disk fails. They build the real engine against a copy of bbolt in which every write, sync and change of the
// file's size passes through package disk, record what a workload does to its file, and open what a disk may hold
// after a power loss at any moment of it. README.md says what is modelled and what is not.
package powerloss
