internal import Evidence
internal import ModelCore

extension UnlearningReport.Conclusion {
  init(_ attempt: Attempt, judge: Judge, problem: UnlearningProblem, requiresPower: Bool) {
    outcome = attempt.verdict
    accepted = attempt.verdict.isAccepted(requiringPower: requiresPower)
    let reason =
      attempt.isExact && attempt.verdict == .matched
      ? "The model was trained anew and has never seen the samples. Utility is kept."
      : Self.reason(attempt, judge, problem.scenario)
    sentence =
      accepted || attempt.verdict != .matchedSamplewise
      ? reason : reason + " A test with power was asked for, so this is no pass."
  }

  private static func reason(
    _ attempt: Attempt, _ judge: Judge, _ scenario: UnlearningProblem.Scenario
  ) -> String {
    switch scenario {
    case .samples: aboutSamples(attempt, judge.power)
    case .classes: aboutClasses(attempt, judge.power)
    case .wrongLabels, .backdoor: aboutLabels(attempt, judge.power)
    }
  }

  private static func aboutSamples(_ attempt: Attempt, _ power: TestPower) -> String {
    switch attempt.verdict {
    case .matched:
      "The samples are answered no better than ones the model has never seen, and utility is kept."
    case .matchedSamplewise: samplewise(attempt, power)
    case .notMatched: notMatched(attempt)
    case .overForgotten:
      "The samples are answered worse than unseen ones, which gives them away again. Allow more "
        + "cost (--max-cost), or forget them together with others."
    case .utilityLost: utilityLost(attempt)
    }
  }

  private static func samplewise(_ attempt: Attempt, _ power: TestPower) -> String {
    if power.nothingToUnlearn {
      return "Nothing to unlearn that this test could see: the untouched model already answers the "
        + "samples like unseen ones. The work was done all the same."
    }
    if attempt.after.samplewise?.hadNothingToUnlearn == true {
      return "Nothing to unlearn that a test of each sample could see: the untouched model already "
        + "answers them like unseen ones, and the result no more surely than training anew would. "
        + "The work was done all the same. " + needed(power)
    }
    let count = attempt.after.samplewise?.count ?? power.count
    let each =
      count == 1
      ? "The sample's margin is where an unseen one's would be"
      : "Each sample's margin is where an unseen one's would be"
    return each + ", and utility is kept. " + needed(power)
  }

  private static func needed(_ power: TestPower) -> String {
    let start = "No test of \(power.count.grouped("sample")) could tell more"
    guard let needed = power.neededCount, needed > power.count else {
      return start + ": this model treats trained and unseen samples too much alike."
    }
    return start + ": that takes about \(needed.grouped)."
  }

  private static func notMatched(_ attempt: Attempt) -> String {
    let remedy = "Allow more cost (--max-cost), or retrain."
    if let test = attempt.after.samplewise {
      return "\(test.above.grouped) of \(test.count.grouped("sample")) "
        + "\(test.above == 1 ? "is" : "are") still answered more surely than unseen ones would be. "
        + remedy
    }
    guard let after = attempt.after.deciding else { return "Nothing was tested. " + remedy }
    let others = attempt.after.expectation == nil ? "unseen ones" : "unseen ones as hard"
    var parts: [String] = []
    if after.accuracyExcess > after.accuracyBand {
      parts.append(
        "accuracy is \(points(after.accuracyExcess)) above that on \(others) "
          + "(\(points(after.accuracyBand)) would pass)")
    }
    if after.aucExcess > after.aucBand {
      parts.append(
        "an attack tells them apart with AUC \(Text.decimal(after.auc, digits: 3)) "
          + "(\(Text.decimal(0.5 + after.aucBand, digits: 3)) would pass)")
    }
    return "The samples are still recognised: \(parts.joined(separator: " and ")). " + remedy
  }

  private static func utilityLost(_ attempt: Attempt) -> String {
    "The model lost \(points(attempt.utility.loss)) of accuracy on unseen samples "
      + "(\(points(attempt.utility.allowance)) would pass). Allow more cost (--max-cost), or retrain."
  }

  private static func aboutClasses(_ attempt: Attempt, _ power: TestPower) -> String {
    guard let test = attempt.after.classTest else { return utilityLost(attempt) }
    let share = Text.percent(max(test.forgetAccuracy, test.unseenAccuracy ?? 0))
    switch attempt.verdict {
    case .utilityLost: return utilityLost(attempt)
    case .matched where power.untouchedPasses:
      return "Nothing to unlearn that this test could see: the untouched model does not recognise "
        + "the class. The work was done all the same."
    case .matched: return "The class is no longer recognised, and the others are kept."
    default:
      return "The class is still recognised in \(share) of its samples (1 % would pass). "
        + "Allow more cost (--max-cost), or retrain."
    }
  }

  private static func aboutLabels(_ attempt: Attempt, _ power: TestPower) -> String {
    guard let test = attempt.after.labelTest, attempt.verdict != .utilityLost else {
      return utilityLost(attempt)
    }
    let who = test.subject == .stamped ? "the trigger" : "the records"
    let share = "\(Text.percent(test.rate)) (\(Text.percent(test.base + test.band)) would pass)"
    switch attempt.verdict {
    case .matched where power.untouchedPasses:
      return "Nothing to unlearn that this test could see: the untouched model does not give "
        + "\(who) that answer. The work was done all the same."
    case .matched where test.subject == .stamped:
      return "The trigger is answered no more often than without one, and utility is kept."
    case .matched:
      return "The records no longer get the labels that they had, and utility is kept. What a "
        + "trigger would do is tested only where one is given (--trigger)."
    default:
      return test.subject == .stamped
        ? "The trigger still gets its answer from \(share). "
          + "Allow more cost (--max-cost), or retrain."
        : "The records still get the labels that they had in \(share). "
          + "Allow more cost (--max-cost), or retrain."
    }
  }

  private static func points(_ share: Double) -> String {
    Text.decimal(100 * share, digits: 1) + " points"
  }
}
