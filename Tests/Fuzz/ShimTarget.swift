// SPDX-License-Identifier: Apache-2.0
// The shim's protocol: packets of a daemon to a shim whose container is not made yet, and messages of a container's process.
import CLinux
import Glibc
import JSON
import Linux
import OCI

@testable import ContainerRuntime

/// One line of the input is one packet.
final class ShimTarget {
    // libFuzzer calls from one thread.
    nonisolated(unsafe) static let shared = ShimTarget()

    private let shim: Shim

    private init() {
        let folder = "/tmp/apus-fuzz-\(getpid())"
        do {
            try TextFile.makeFolders(folder)
            shim = try Shim(
                try ShimOptions(["--bundle", folder, "--run-dir", folder]),
                try ShimConfiguration(json: ["id": "fuzz", "openStdin": true]))
            // Always ready, so that no turn of the loop waits.
            shim.loop.watch(eventfd(1, Int32(EFD_CLOEXEC)), .read) { _ in }
        } catch { fatalError("cannot make a shim: \(error)") }
        _ = rmdir(folder)
    }

    func run(_ bytes: [UInt8]) {
        if let json = try? JSONValue.parse(bytes) {
            _ = try? ShimConfiguration(json: json)
            _ = try? RuntimeSpec.Process(json: json["process"] ?? json, path: "process")
            _ = try? RuntimeSpec.Resources(json: json["resources"] ?? json, path: "resources")
        }
        _ = try? ShimOptions(String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init))
        _ = Handshake(bytes)
        guard let (ours, theirs) = try? PacketSocket.pair() else { return }
        defer { _ = close(ours) }
        _ = fcntl(ours, F_SETFL, fcntl(ours, F_GETFL) | O_NONBLOCK)
        shim.accept(theirs)
        let packets = bytes.split(separator: 10).prefix(16)
        for packet in packets {
            try? PacketSocket.send(ours, Array(packet))
            turn()
        }
        _ = shutdown(ours, Int32(SHUT_RDWR))
        turn()
        turn()
    }

    private func turn() { do { try shim.loop.turn() } catch { fatalError("the loop ends: \(error)") } }
}
