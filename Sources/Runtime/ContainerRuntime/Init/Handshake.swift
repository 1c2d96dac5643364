// SPDX-License-Identifier: Apache-2.0
// What the runtime and a container's first process tell each other, over one SEQPACKET pair.
import Glibc
import Linux

/// The messages. The end of the stream after `start` means that the program was executed: the socket closes on exec.
enum Handshake: Equatable {
    /// Runtime → child: user namespace mapped; attached to the control group.
    case mapped, attached
    /// Stage → runtime: write my user mappings; the container's first process has this number.
    case mapRequest, cloned(Int32)
    /// Child → runtime: open the source of this mount; the answer bears the descriptor.
    case tree(Int)
    /// Child → runtime: the tree is built, run the hooks. Runtime → child: done.
    case hooks, hooked
    /// Child → runtime: the filter's listener rides along. Runtime → child: its agent has it.
    case listener, listening
    /// Child → runtime: something the caller should know.
    case warning(String)
    /// Child → runtime: its terminal's master side rides along.
    case terminal
    /// Child → runtime: everything is prepared. Runtime → child: go.
    case ready, start
    case failed(RuntimeError)

    var bytes: [UInt8] {
        switch self {
        case .mapped: [UInt8(ascii: "m")]
        case .attached: [UInt8(ascii: "a")]
        case .mapRequest: [UInt8(ascii: "u")]
        case .cloned(let pid): Array("p\(pid)".utf8)
        case .tree(let index): Array("d\(index)".utf8)
        case .hooks: [UInt8(ascii: "h")]
        case .hooked: [UInt8(ascii: "H")]
        case .listener: [UInt8(ascii: "l")]
        case .listening: [UInt8(ascii: "L")]
        case .warning(let text): Array("w\(text)".utf8)
        case .terminal: [UInt8(ascii: "t")]
        case .ready: [UInt8(ascii: "r")]
        case .start: [UInt8(ascii: "s")]
        case .failed(let error): Array("f\(error.kind.rawValue)\n\(error.message)".utf8)
        }
    }

    init?(_ bytes: [UInt8]) {
        switch bytes.first {
        case UInt8(ascii: "m"): self = .mapped
        case UInt8(ascii: "a"): self = .attached
        case UInt8(ascii: "u"): self = .mapRequest
        case UInt8(ascii: "p"):
            guard let pid = Int32(String(decoding: bytes.dropFirst(), as: UTF8.self)) else { return nil }
            self = .cloned(pid)
        case UInt8(ascii: "d"):
            guard let index = Int(String(decoding: bytes.dropFirst(), as: UTF8.self)) else { return nil }
            self = .tree(index)
        case UInt8(ascii: "h"): self = .hooks
        case UInt8(ascii: "H"): self = .hooked
        case UInt8(ascii: "l"): self = .listener
        case UInt8(ascii: "L"): self = .listening
        case UInt8(ascii: "w"): self = .warning(String(decoding: bytes.dropFirst(), as: UTF8.self))
        case UInt8(ascii: "t"): self = .terminal
        case UInt8(ascii: "r"): self = .ready
        case UInt8(ascii: "s"): self = .start
        case UInt8(ascii: "f"):
            let parts = bytes.dropFirst().split(separator: 10, maxSplits: 1)
            guard parts.count == 2 else { return nil }
            let kind = RuntimeError.Kind(rawValue: String(decoding: parts[0], as: UTF8.self)) ?? .internalError
            self = .failed(RuntimeError(kind, String(decoding: parts[1], as: UTF8.self)))
        default: return nil
        }
    }

    static func send(_ message: Handshake, on socket: Int32, descriptor: Int32? = nil) throws {
        try PacketSocket.send(socket, message.bytes, descriptors: descriptor.map { [$0] } ?? [])
    }

    /// Waits for one message of the other side; its end is a failure.
    static func expect(_ expected: Handshake, on socket: Int32) throws {
        guard let packet = try PacketSocket.receive(socket) else {
            throw RuntimeError(.internalError, "the runtime went away")
        }
        guard Handshake(packet.bytes) == expected else { throw RuntimeError(.internalError, "unexpected message") }
    }
}
