import Testing

@testable import ModelctlCommands

@Suite struct RepeatedNamesTests {
  private func lines(_ names: [String], alike: (String) -> Int = { _ in 0 }) -> [String] {
    RepeatedNames(names, name: { $0 }, alike: alike).groups.map {
      $0.count > 1 ? "\($0.name) x \($0.count)" : $0.name
    }
  }

  @Test(arguments: [
    (["conv2d", "conv2d_1", "conv2d_2"], ["conv2d_# x 3"]),
    (["conv2d_1", "conv2d_2"], ["conv2d_1", "conv2d_2"]),
    (
      ["a_1/kernel", "a_1/bias", "a_2/kernel", "a_2/bias", "a/kernel", "a/bias"],
      ["a_#/kernel x 3", "a_#/bias x 3"]
    ),
    (["block1_conv1", "block1_conv2", "block2_conv1", "top"], ["block#_conv# x 3", "top"]),
    (["conv1d", "conv2d", "conv3d"], ["conv1d", "conv2d", "conv3d"]),
    (["blk.0.w", "blk.1.w", "blk.2.w", "blk.10.w"], ["blk.#.w x 4"]),
    (["1", "2", "3"], ["# x 3"]),
    ([], []),
  ])
  func namesThatDifferInNumbersAreOne(_ names: [String], expected: [String]) {
    #expect(lines(names) == expected)
  }

  @Test func whatIsNotAlikeStaysApart() {
    let names = ["a_1", "a_2", "a_3", "a_4", "b"]
    #expect(lines(names) { $0 == "a_3" ? 1 : 0 } == ["a_# x 3", "a_3", "b"])
  }
}
