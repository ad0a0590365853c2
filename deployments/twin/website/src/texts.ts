const ko = {
  title: "탄소를 줄이는 화물 운송",
  lead: "화주와 운송사를 잇고, 운송의 탄소 배출량을 함께 줄입니다.",
  health: "서비스 상태",
  build: "배포 정보",
  version: "버전",
  commit: "커밋",
  branch: "브랜치",
  builtAt: "빌드 시각",
  environment: "환경",
  logLevel: "로그 수준",
  apiBaseUrl: "API 주소",
  reportsErrors: "오류 수집",
  countsVisits: "방문 분석",
  apiVersion: "API 버전",
  database: "데이터베이스",
  redis: "Redis",
  asking: "확인하는 중…",
  ok: "정상",
  degraded: "일부 기능에 문제가 있습니다",
  unreachable: "API에 연결할 수 없습니다",
  on: "켜짐",
  off: "꺼짐",
  otherLanguage: "English",
};

export type Text = keyof typeof ko;

const en: Record<Text, string> = {
  title: "Freight with less carbon",
  lead: "GreenFlow brings shippers and carriers together and cuts what each load emits.",
  health: "Service health",
  build: "What is deployed",
  version: "Version",
  commit: "Commit",
  branch: "Branch",
  builtAt: "Built at",
  environment: "Environment",
  logLevel: "Log level",
  apiBaseUrl: "API base",
  reportsErrors: "Error reports",
  countsVisits: "Analytics",
  apiVersion: "API version",
  database: "Database",
  redis: "Redis",
  asking: "Asking…",
  ok: "Healthy",
  degraded: "Degraded",
  unreachable: "The API cannot be reached",
  on: "on",
  off: "off",
  otherLanguage: "한국어",
};

export type Language = "ko" | "en";

export const texts: Record<Language, Record<Text, string>> = { ko, en };

export function preferredLanguage(languages: readonly string[]): Language {
  return languages[0]?.startsWith("ko") === false ? "en" : "ko";
}
