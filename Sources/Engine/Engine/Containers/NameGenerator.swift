// SPDX-License-Identifier: Apache-2.0
// Names for containers whose user gave none: an adjective and a person who mattered to computing.

/// `brave_turing`; with a digit behind it when the plain one is taken.
enum NameGenerator {
    static func random(attempt: Int) -> String {
        let name = (adjectives.randomElement() ?? "quiet") + "_" + (people.randomElement() ?? "turing")
        return attempt == 0 ? name : name + String(Int.random(in: 0...9))
    }

    private static let adjectives = words(
        """
        able agile alert amber ample apt astute azure balmy blithe bold brave breezy bright brisk calm candid chipper
        clear clever cosmic crisp curious daring deft dreamy eager earnest easy elated epic fair fearless festive fine
        fleet fond frank free fresh gallant gentle gifted glad golden grand great handy happy hardy hearty honest
        humble ideal jolly jovial keen kind lively loyal lucid lucky lunar mellow merry mighty mild modest neat nifty
        nimble noble patient placid plucky poised polite proud prime quick quiet quirky rapid ready robust rosy sage
        serene sharp silent sincere sleek smart snug solar solid spry stable stoic sturdy sunny sure swift tender
        thrifty tidy tranquil trusty upbeat vivid warm wise witty zany zealous zesty
        """)
    private static let people = words(
        """
        abel adleman allen babbage backus bartik bell bernerslee boole booth brooks cerf church clarke codd conway cook
        cray curry dahl davies diffie dijkstra easley engelbart erdos estrin euler faggin feinler floyd gauss gentzen
        goedel goldberg goldstine gosling graham gray hamilton hamming hellman hilbert hoare holberton hollerith hopper
        huffman huskey iverson jacquard johnson kahn karp kay keller kernighan kilburn kilby kleene knuth kolmogorov
        lamarr lamport leibniz liskov lovelace markov mauchly mccarthy mcilroy merkle milner minsky moore napier naur
        neumann noether noyce nygaard pascal perlis perlman postel ritchie rivest sammet schneier shamir shannon
        sophie spence stallman steele strachey sutherland tarjan thompson torvalds turing vaughan wiener wilkes
        wilkinson wing wirth yao zuse
        """)

    private static func words(_ text: String) -> [String] {
        text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
    }
}
