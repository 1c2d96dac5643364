// SPDX-License-Identifier: Apache-2.0
// Passwords and tokens: what is taken, and what is not.
import Crypto
import Glibc
import Primitives
import Testing

@testable import RegistryServer

@Suite struct AccessTests {
    // Known answers of bcrypt (made by htpasswd -nbB and by the test vectors of OpenBSD's implementation).
    @Test(arguments: [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
        ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ])
    func bcrypt(_ password: String, _ hash: String) throws {
        #expect(try PasswordFile.matches(password, hash))
        #expect(try !PasswordFile.matches(password + "x", hash))
    }

    @Test func passwordFile() throws {
        let hash = "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
        #expect(try PasswordFile.parse("# users\n\nalice:\(hash)\r\n", "f") == ["alice": hash])
        for line in [
            "alice", ":\(hash)", "@users:\(hash)", "bob:$apr1$abc$def", "bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "bob:plain",
            "bob:$2y$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "bob:\(hash)x",
        ] { #expect(throws: EngineError.self) { try PasswordFile.parse(line, "f") } }
    }

    @Test func tokens() throws {
        let tokens = AccessTokens(key: SymmetricKey(size: .bits256), service: "here")
        let app = try #require(RepositoryName("team/app"))
        let other = try #require(RepositoryName("team/other"))
        let claims = AccessTokens.Claims(user: "alice", access: ["team/app": [.pull]], expires: 1300)
        let token = tokens.issue(claims, at: 1000)
        let read = try #require(tokens.verify(token, at: 1299))
        #expect(read == claims)
        #expect(read.allows(.pull, in: app) && !read.allows(.push, in: app) && !read.allows(.pull, in: other))
        #expect(tokens.verify(token, at: 1300) == nil)
        #expect(AccessTokens(key: SymmetricKey(size: .bits256), service: "here").verify(token, at: 1000) == nil)
        let parts = token.split(separator: ".")
        // No algorithm, no signature, another payload: none of ours.
        let none = Base64URL.encode(Array(#"{"alg":"none","typ":"JWT"}"#.utf8))
        let forged = Base64URL.encode(Array(#"{"aud":"here","exp":9999999999,"sub":"root"}"#.utf8))
        for text in [
            "\(none).\(parts[1]).", "\(none).\(parts[1]).\(parts[2])", "\(parts[0]).\(forged).\(parts[2])",
            "\(parts[0]).\(parts[1])", "\(parts[0]).\(parts[1]).", "", "..", token + "A",
        ] { #expect(tokens.verify(text, at: 1000) == nil) }
    }

    @Test func nobody() throws {
        let tokens = AccessTokens(key: SymmetricKey(size: .bits256), service: "here")
        let token = tokens.issue(AccessTokens.Claims(user: nil, access: [:], expires: 10), at: 0)
        #expect(tokens.verify(token, at: 1)?.user == nil)
        #expect(tokens.verify(token, at: 1) != nil)
    }

    @Test(
        arguments: [
            ("repository:team/app:pull,push", "team/app", [Action.pull, .push]),
            ("repository:a:*", "a", Action.allCases),
            ("repository:a:", nil, []), ("registry:catalog:*", nil, []), ("repository:../x:pull", nil, []),
            ("x", nil, []),
            ("repository:a:fly,pull", "a", [.pull]),
        ] as [(String, String?, [Action])])
    func scope(_ text: String, _ name: String?, _ actions: [Action]) {
        let scope = TokenRoutes.parse(text[...])
        if name == nil, text.hasSuffix(":") {
            #expect(scope?.1.isEmpty ?? true)
        } else {
            #expect(scope?.0.text == name)
            #expect(scope?.1 == (name == nil ? nil : Set(actions)))
        }
    }

    @Test func base64() {
        for text in ["", "f", "fo", "foo", "foob"] {
            #expect(Base64URL.decode(Base64URL.encode(Array(text.utf8))) == Array(text.utf8))
        }
        #expect(Base64URL.decode("Zm9vOmJhcg==") == Array("foo:bar".utf8))
        #expect(Base64URL.decode("Zm9v=Zm9v") == nil)
        #expect(Base64URL.decode("Z m") == nil)
    }
}
